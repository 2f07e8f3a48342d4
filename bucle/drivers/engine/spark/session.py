"""The one Spark of this process: started when it is first needed, stopped when nobody needs it.

Spark allows one context per process.  Engines that are open share it; what one statement sees is
a session of its own on it (`newSession`: its own views and settings, 20 ms).  Where a program had a
Spark before us, it is used and left running.
"""

import logging
import os
import shutil
import socket
import tempfile
import threading
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from bucle.base.errors import Invalid, NotInstalled, Unavailable
from bucle.drivers.engine.spark.address import Address

try:
    from py4j.protocol import Py4JError
    from pyspark import SparkContext
    from pyspark.errors import PySparkException
    from pyspark.logger import PySparkLogger
    from pyspark.sql import SparkSession
except ImportError as error:
    raise NotInstalled(
        "BUCLE_ENGINE_URL=spark://... needs a package that is not installed (pyspark)",
        hint="pip install 'bucle[spark]'",
    ) from error

_ANSWER_TIMEOUT_S = 5.0
_WORKER_TIMEOUT_S = 60.0
# What is wrong is told by errors.  The appender is there because Spark takes a configuration
# without one for none.
_QUIET = """status = error
appender.nothing.type = Null
appender.nothing.name = nothing
rootLogger.level = off
rootLogger.appenderRef.nothing.ref = nothing
"""
# Of every statement, whatever the program around us has set.
_SETTINGS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.ansi.doubleQuotedIdentifiers": "true",
    "spark.sql.caseSensitive": "false",
    "spark.sql.runSQLOnFiles": "false",  # `SELECT * FROM parquet.`/any/path``
    "spark.sql.timestampType": "TIMESTAMP_LTZ",
    "spark.sql.timeType.enabled": "true",
    "spark.sql.legacy.parquet.nanosAsLong": "true",
    # A window of many rows costs a logarithm of them, and figures are merged, never subtracted.
    "spark.sql.window.segmentTree.enabled": "true",
    "spark.sql.window.segmentTree.blockSize": "64",
}
# Functions that call any method of Java.
_FORBIDDEN = ("java_method", "reflect", "try_reflect")


class _Running:
    """What runs in this process, and how many engines use it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._session: SparkSession | None = None
        self._master = ""
        self._users = 0
        self._is_ours = False
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def acquire(self, address: Address) -> None:
        """Count an engine in, and start Spark for the first.

        Raises:
            Invalid: another Spark runs in this process.
            NotInstalled: there is no Java.
            Unavailable: it does not start, or the cluster does not answer.
        """
        with self._lock:
            self._require(address)
            if self._master != address.master:
                raise Invalid(
                    f"a Spark on {self._master} runs in this process already, "
                    f"and it can have no second one on {address.master}",
                    hint="close what uses it, or give both the same BUCLE_ENGINE_URL",
                )
            self._users += 1

    def release(self) -> None:
        """Count an engine out; after the last one Spark is stopped, if we started it."""
        with self._lock:
            self._users -= 1
            if self._users:
                return
            if self._session is not None and not _is_alive(self._session):
                _forget_what_died()
            elif self._session is not None and self._is_ours:
                self._session.stop()
            self._forget()

    def fresh(self, address: Address, settings: Mapping[str, str]) -> SparkSession:
        """Return a session that sees no other's tables; where Spark died, it is started again."""
        with self._lock:
            made = self._require(address).newSession()
        for name, value in (_SETTINGS | dict(settings)).items():
            made.conf.set(name, value)
        option = made._jvm.scala.Option.apply  # noqa: SLF001 - no other way to take functions away
        functions = made._jsparkSession.sessionState().functionRegistry()  # noqa: SLF001
        name_of = made._jvm.org.apache.spark.sql.catalyst.FunctionIdentifier  # noqa: SLF001
        for name in _FORBIDDEN:
            functions.dropFunction(name_of(name, option("builtin"), option("system")))
        return made

    def _require(self, address: Address) -> SparkSession:
        if self._session is not None and not _is_alive(self._session):
            _forget_what_died()
            self._session = None
        return self._session or self._start(address)

    def _start(self, address: Address) -> SparkSession:
        before = SparkContext._active_spark_context  # noqa: SLF001 - asks, and starts none
        if before is None:
            _require_java()
            if address.host:
                _require_answer(address)
            self._folder = tempfile.TemporaryDirectory(prefix="bucle-spark-")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of pandas, which is not used here
                session = _built(address, self._folder)
        except (PySparkException, Py4JError, OSError) as error:
            self._forget()
            reason = str(error).partition("\n")[0]
            raise Unavailable(
                f"Spark on {address.master} does not start: {reason}",
                hint="is it Java 17 or newer? java -version",
            ) from error
        self._session, self._is_ours = session, before is None
        self._master = session.sparkContext.master
        if address.host and before is None:
            self._require_worker(session, address)
        return session

    def _require_worker(self, session: SparkSession, address: Address) -> None:
        """Wait for a worker: without one, a statement would wait for ever."""
        until = time.monotonic() + _WORKER_TIMEOUT_S
        spark = session.sparkContext._jsc.sc()  # noqa: SLF001 - the executors are not told elsewhere
        while not spark.isStopped() and time.monotonic() < until:
            if spark.getExecutorMemoryStatus().size() > 1:  # the first is this process
                return
            time.sleep(0.1)
        session.stop()
        self._forget()
        raise Unavailable(
            f"Spark on {address.master} gave no worker in {_WORKER_TIMEOUT_S:.0f} s",
            hint="are its workers up, and have they the memory that ?memory= asks for?",
        )

    def _forget(self) -> None:
        self._session, self._master, self._is_ours = None, "", False
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None


@cache
def running() -> _Running:
    """Return what there is one of per process."""
    return _Running()


@contextmanager
def active(session: SparkSession) -> Iterator[None]:
    """Let what is parsed in this thread be parsed by a session's settings."""
    theirs = session._jvm.SparkSession  # noqa: SLF001 - of Java, whose parser asks it
    before = theirs.getActiveSession()
    theirs.setActiveSession(session._jsparkSession)  # noqa: SLF001
    try:
        yield
    finally:
        if before.isDefined():
            theirs.setActiveSession(before.get())
        else:
            theirs.clearActiveSession()


def _built(address: Address, folder: "tempfile.TemporaryDirectory[str] | None") -> SparkSession:
    builder = SparkSession.builder.master(address.master).appName("bucle")
    if folder is not None:
        for name, value in _first_settings(address, Path(folder.name)).items():
            builder = builder.config(name, value)
    made = builder.getOrCreate()
    # Wrong SQL is told by an error, and not by a page of JSON on top of it.
    PySparkLogger.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL + 1)
    return made


def _first_settings(address: Address, folder: Path) -> dict[str, str]:
    """Return what can be said before Spark starts only."""
    quiet = folder / "log4j2.properties"
    quiet.write_text(_QUIET, encoding="utf-8")
    settings = {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.extraJavaOptions": f"-Dlog4j2.configurationFile={quiet.as_uri()}",
        "spark.driver.maxResultSize": "0",
        "spark.sql.catalogImplementation": "in-memory",
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
    }
    memory = f"{address.memory_bytes >> 20}m"
    if address.is_local:
        settings |= {
            "spark.local.dir": str(folder / "spill"),
            "spark.driver.memory": memory,
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
        }
    elif address.memory_bytes:
        settings["spark.executor.memory"] = memory
    return settings


def _require_java() -> None:
    home = os.environ.get("JAVA_HOME", "")
    if not shutil.which("java", path=str(Path(home, "bin")) if home else None):
        where = f"in JAVA_HOME={home}" if home else "on the PATH"
        raise NotInstalled(
            f"Spark needs Java 17 or newer, and there is none {where}",
            hint="apt-get install default-jre-headless",
        )


def _require_answer(address: Address) -> None:
    """Refuse a cluster that is not there at once; Spark itself would try for a minute."""
    try:
        socket.create_connection((address.host, address.port), _ANSWER_TIMEOUT_S).close()
    except OSError as error:
        raise Unavailable(
            f"Spark on {address.master} does not answer: {error.strerror or error}",
            hint="is the master up? BUCLE_ENGINE_URL=spark://local computes here",
        ) from error


def _forget_what_died() -> None:
    """Make pyspark start another Java; it keeps what it knew of the one that died."""
    SparkSession._instantiatedSession = None  # noqa: SLF001 - it has no way to be told
    context = SparkContext._active_spark_context  # noqa: SLF001
    if context is not None:
        context._jsc = None  # noqa: SLF001 - nothing is left to be stopped
    SparkContext._active_spark_context = None  # noqa: SLF001
    SparkContext._gateway = SparkContext._jvm = None  # noqa: SLF001


def _is_alive(session: SparkSession) -> bool:
    try:
        return not session.sparkContext._jsc.sc().isStopped()  # noqa: SLF001
    except (Py4JError, AttributeError, OSError):
        return False
