"""The catalogue's side of datasets: what people say of them, and what profiles suggest."""
