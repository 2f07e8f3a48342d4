"""Take somebody's rows out of every version of a dataset, the old ones too."""
