"""Why a model says what it says: what each column adds to the answer of a row (SHAP values)."""
