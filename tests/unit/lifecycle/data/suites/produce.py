"""Make the fixtures of this folder with the real libraries, and what they say of one table.

In an environment of its own, because nothing else needs them:

    pip install great_expectations 'pandera[io]' pandas
    python produce.py
"""

import json
import logging
from pathlib import Path

HERE = Path(__file__).parent
ROWS = {
    "id": [1, 2, 3, 4, 5, 6],
    "fare": [4.5, 6.0, None, 120.0, 9.25, 6.0],
    "tip": [0.5, 6.0, None, 10.0, None, 7.0],
    "city": ["Ulm", "Bonn", "Kiel", None, "Ulm", "bonn"],
    "code": ["A-1", "A-2", "B-31", "C", "A-2", None],
    "level": [1, 1, 2, 2, 3, 3],
    "flag": [True, False, True, True, False, True],
}
OF_GREAT_EXPECTATIONS = [
    ("expect_column_to_exist", {"column": "fare"}),
    ("expect_table_row_count_to_be_between", {"min_value": 1, "max_value": 6}),
    ("expect_table_row_count_to_be_between", {"min_value": 7}),
    ("expect_table_row_count_to_equal", {"value": 6}),
    ("expect_table_column_count_to_equal", {"value": 7}),
    ("expect_column_values_to_not_be_null", {"column": "id"}),
    ("expect_column_values_to_not_be_null", {"column": "fare"}),
    ("expect_column_values_to_not_be_null", {"column": "fare", "mostly": 0.8}),
    ("expect_column_values_to_be_null", {"column": "fare", "mostly": 0.1}),
    ("expect_column_values_to_be_null", {"column": "fare"}),
    ("expect_column_values_to_be_unique", {"column": "id"}),
    ("expect_column_values_to_be_unique", {"column": "fare"}),
    ("expect_column_values_to_be_unique", {"column": "fare", "mostly": 0.6}),
    ("expect_column_values_to_be_unique", {"column": "fare", "mostly": 0.7}),
    ("expect_column_values_to_be_between", {"column": "fare", "min_value": 4.5, "max_value": 120}),
    ("expect_column_values_to_be_between",
     {"column": "fare", "min_value": 4.5, "max_value": 120, "strict_min": True}),
    ("expect_column_values_to_be_between",
     {"column": "fare", "max_value": 120, "strict_max": True}),
    ("expect_column_values_to_be_between", {"column": "fare", "max_value": 100, "mostly": 0.8}),
    ("expect_column_values_to_be_between", {"column": "fare", "max_value": 100, "mostly": 0.81}),
    ("expect_column_values_to_be_in_set", {"column": "city", "value_set": ["Ulm", "Bonn", "Kiel"]}),
    ("expect_column_values_to_be_in_set",
     {"column": "city", "value_set": ["Ulm", "Bonn", "Kiel", "bonn"]}),
    ("expect_column_values_to_be_in_set", {"column": "level", "value_set": [1, 2, 3]}),
    ("expect_column_values_to_not_be_in_set", {"column": "city", "value_set": ["Köln"]}),
    ("expect_column_values_to_not_be_in_set", {"column": "city", "value_set": ["Ulm"]}),
    ("expect_column_values_to_match_regex", {"column": "code", "regex": "-"}),
    ("expect_column_values_to_match_regex", {"column": "code", "regex": "^[ABC]"}),
    ("expect_column_values_to_match_regex", {"column": "code", "regex": "-", "mostly": 0.8}),
    ("expect_column_values_to_match_regex", {"column": "code", "regex": "(?=A)A"}),
    ("expect_column_values_to_not_match_regex", {"column": "code", "regex": "^C"}),
    ("expect_column_values_to_not_match_regex", {"column": "code", "regex": "^D"}),
    ("expect_column_values_to_match_regex_list",
     {"column": "code", "regex_list": ["-", "^C$"], "match_on": "any"}),
    ("expect_column_values_to_match_regex_list",
     {"column": "code", "regex_list": ["-", "1"], "match_on": "all"}),
    ("expect_column_values_to_not_match_regex_list", {"column": "code", "regex_list": ["x", "y"]}),
    ("expect_column_value_lengths_to_be_between",
     {"column": "city", "min_value": 3, "max_value": 4}),
    ("expect_column_value_lengths_to_be_between", {"column": "code", "min_value": 2}),
    ("expect_column_value_lengths_to_equal", {"column": "city", "value": 4}),
    ("expect_column_values_to_be_of_type", {"column": "fare", "type_": "float64"}),
    ("expect_column_values_to_be_of_type", {"column": "fare", "type_": "int64"}),
    ("expect_column_values_to_be_in_type_list", {"column": "id", "type_list": ["int64", "long"]}),
    ("expect_column_values_to_match_strftime_format",
     {"column": "city", "strftime_format": "%Y-%m-%d"}),
    ("expect_column_min_to_be_between", {"column": "fare", "min_value": 4, "max_value": 5}),
    ("expect_column_max_to_be_between", {"column": "fare", "max_value": 100}),
    ("expect_column_max_to_be_between",
     {"column": "fare", "max_value": 120.0, "strict_max": True}),
    ("expect_column_mean_to_be_between", {"column": "fare", "min_value": 29, "max_value": 30}),
    ("expect_column_median_to_be_between", {"column": "fare", "min_value": 6, "max_value": 6}),
    ("expect_column_sum_to_be_between", {"column": "fare", "min_value": 145, "max_value": 146}),
    ("expect_column_stdev_to_be_between", {"column": "fare", "min_value": 50, "max_value": 51}),
    ("expect_column_unique_value_count_to_be_between",
     {"column": "city", "min_value": 4, "max_value": 4}),
    ("expect_column_proportion_of_unique_values_to_be_between",
     {"column": "city", "min_value": 0.8, "max_value": 0.8}),
    ("expect_column_distinct_values_to_be_in_set", {"column": "level", "value_set": [1, 2, 3, 4]}),
    ("expect_column_distinct_values_to_equal_set", {"column": "level", "value_set": [1, 2, 3]}),
    ("expect_column_distinct_values_to_equal_set", {"column": "level", "value_set": [1, 2, 3, 4]}),
    ("expect_column_distinct_values_to_contain_set", {"column": "level", "value_set": [1, 3]}),
    ("expect_column_distinct_values_to_contain_set", {"column": "level", "value_set": [1, 9]}),
    ("expect_column_quantile_values_to_be_between",
     {"column": "fare", "quantile_ranges":
      {"quantiles": [0.25, 0.5], "value_ranges": [[6, 6], [5, None]]}}),
    ("expect_column_pair_values_to_be_equal", {"column_A": "fare", "column_B": "tip"}),
    ("expect_column_pair_values_to_be_equal",
     {"column_A": "fare", "column_B": "fare", "ignore_row_if": "either_value_is_missing"}),
    ("expect_column_pair_values_a_to_be_greater_than_b", {"column_A": "fare", "column_B": "tip"}),
    ("expect_column_pair_values_a_to_be_greater_than_b",
     {"column_A": "id", "column_B": "level", "or_equal": True}),
    ("expect_compound_columns_to_be_unique", {"column_list": ["level", "flag"]}),
    ("expect_compound_columns_to_be_unique", {"column_list": ["level", "id"]}),
    ("expect_multicolumn_sum_to_equal", {"column_list": ["id", "level"], "sum_total": 9}),
    ("expect_column_kl_divergence_to_be_less_than",
     {"column": "city", "threshold": 0.1,
      "partition_object": {"values": ["Ulm"], "weights": [1.0]}}),
    ("expect_column_values_to_be_between",
     {"column": "fare", "min_value": 5, "row_condition": "level == 3",
      "condition_parser": "pandas"}),
]  # fmt: skip


def great_expectations(folder: Path) -> None:
    """Write a suite in the words of 1.x, and what it says, in its order."""
    import great_expectations as gx
    import pandas as pd

    context = gx.get_context(mode="ephemeral")
    source = context.data_sources.add_pandas("rows")
    asset = source.add_dataframe_asset("rows")
    batch = asset.add_batch_definition_whole_dataframe("rows")
    suite = gx.ExpectationSuite(
        name="trips",
        expectations=[
            {"type": type_, "kwargs": kwargs, "meta": {}} for type_, kwargs in OF_GREAT_EXPECTATIONS
        ],
    )
    rows = batch.get_batch({"dataframe": pd.DataFrame(ROWS)})
    results = [rows.validate(each) for each in suite.expectations]
    said = [
        {
            "type": each.expectation_config.type,
            "kwargs": {
                key: value
                for key, value in each.expectation_config.kwargs.items()
                if key != "batch_id"
            },
            "success": bool(each.success),
            "raised": bool(each.exception_info.get("raised_exception", False)),
        }
        for each in results
    ]
    (folder / "great_expectations_1.json").write_text(json.dumps(suite.to_json_dict(), indent=1))
    (folder / "great_expectations_said.json").write_text(json.dumps(said, indent=1))


def pandera(folder: Path) -> None:
    """Write a schema as YAML and JSON, and which of its checks fail."""
    import pandas as pd
    import pandera.pandas as pa

    schema = pa.DataFrameSchema(
        {
            "id": pa.Column("int64", [pa.Check.gt(0), pa.Check.lt(6)], unique=True),
            "fare": pa.Column(
                "float64",
                [pa.Check.ge(4.5), pa.Check.in_range(0, 100), pa.Check.ne(9.25)],
                nullable=True,
                unique=True,
            ),
            "tip": pa.Column("float64", pa.Check.le(10)),
            "city": pa.Column(
                "str",
                [
                    pa.Check.isin(["Ulm", "Bonn", "Kiel", "bonn"]),
                    pa.Check.str_length(3, 4),
                    pa.Check.notin(["Rom"]),
                ],
                nullable=True,
            ),
            "code": pa.Column(
                "str",
                [
                    pa.Check.str_matches("[AB]-"),
                    pa.Check.str_contains("1"),
                    pa.Check.str_startswith("A"),
                    pa.Check.str_endswith("1", raise_warning=True),
                ],
                nullable=True,
            ),
            "level": pa.Column("int64", pa.Check.isin([1, 2, 3]), coerce=True),
            "flag": pa.Column("bool", pa.Check.eq(True)),
            "more": pa.Column("int64", required=False),
        },
        unique=["level", "flag"],
        name="trips",
    )
    (folder / "pandera.yaml").write_text(schema.to_yaml())
    (folder / "pandera.json").write_text(schema.to_json())
    failed: list[tuple[str, str]] = []
    try:
        schema.validate(pd.DataFrame(ROWS), lazy=True)
    except pa.errors.SchemaErrors as errors:
        failed = sorted(
            {
                (str(row["column"]), str(row["check"]))
                for row in errors.failure_cases.to_dict("records")
            }
        )
    (folder / "pandera_said.json").write_text(json.dumps(failed, indent=1))


if __name__ == "__main__":
    logging.disable()
    (HERE / "rows.json").write_text(json.dumps(ROWS))
    great_expectations(HERE)
    pandera(HERE)
