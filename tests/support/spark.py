"""A Spark in this process, or the reason why there is none."""

import importlib.util
import shutil

from tests.support.absent import missing

# One core and one partition: what takes the time of small tables is starting tasks.
# So is compiling what runs for seconds only: the first compiler of Java's two halves their time.
QUICK_JAVA = {"JDK_JAVA_OPTIONS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"}
URL = "spark://local[1]?memory=1GB&partitions=1"


def require_package() -> None:
    """Skip without pyspark; on CI, fail."""
    if importlib.util.find_spec("pyspark") is None:
        missing("no pyspark: make spark")


def require() -> None:
    """Skip without pyspark or Java; on CI, fail."""
    require_package()
    if shutil.which("java") is None:
        missing("no Java: apt-get install default-jre-headless")
