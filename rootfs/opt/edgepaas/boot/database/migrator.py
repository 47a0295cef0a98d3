"""Alembic, run by us: every step named in the log, every failure told in one report."""

import logging
import sys
from collections.abc import Iterable, Iterator
from typing import Any, TextIO

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from boot.database import compatibility, migration_limit, sqlite_error
from boot.database.schema_error import SchemaError
from boot.exit_status import ExitStatus

LOCK_NOT_AVAILABLE = "55P03"
CANCELED = "57014"
FORBIDDEN = "42501"
DISK_FULL = "53100"
LOST = ("08", "57P")
HEAD, BASE = "head", "base"

log = logging.getLogger(__name__)


class LockTimeoutError(SchemaError):
    """A statement waited longer than lock_timeout; the same migration may work a moment later."""


class Migrator:
    """The migrations of one script location, and the step under way."""

    def __init__(self, location: str, url: str, ledger: compatibility.Ledger | None = None) -> None:
        """Prepare Alembic. `url` is for an env.py that connects by itself (sqlalchemy.url).

        `ledger` writes down each revision reached, in the transaction that reaches it.
        """
        self._ledger = ledger
        self._config = Config()
        self._config.set_main_option("script_location", location.replace("%", "%%"))
        self._config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
        self._config.set_main_option("path_separator", "os")
        self._step: Any = None

    def upgrade(self, connection: Connection, seconds: float) -> None:
        """Bring the database behind `connection` to the head, or end this process with 76.

        Raises SchemaError for what a migration or the database does; lets an error of the
        migration's own Python code through, with a note that names the migration.
        """
        self._config.attributes["connection"] = connection
        with migration_limit.limited(seconds, self._name):
            self._run()

    def downgrade(self, connection: Connection) -> None:
        """Take the database behind `connection` back to nothing, step by step. Raises as upgrade.

        For `edgepaas db reset` alone: no boot goes backwards.
        """
        self._config.attributes["connection"] = connection
        self._run(BASE)

    def print_sql(self, current: str | None, output: TextIO = sys.stdout) -> None:
        """Write the SQL that leads from `current` to the head."""
        self._config.output_buffer = output
        self._run(as_sql=True, starting_rev=current)

    def _run(self, destination: str = HEAD, **options: Any) -> None:
        try:
            script = ScriptDirectory.from_config(self._config)
            steps = self._steps_of(script, destination)
            with EnvironmentContext(
                self._config, script, fn=steps, destination_rev=destination, **options
            ):
                script.run_env()
        except CommandError as error:
            raise SchemaError(f"Alembic: {error}", "correct the migrations of the image") from None
        except DBAPIError as error:
            raise self._failure(error) from None
        except Exception as error:
            error.add_note(f"in migration {self._name()}")
            raise

    def _steps_of(self, script: ScriptDirectory, destination: str) -> Any:
        def steps(current: Any, context: Any) -> Iterator[Any]:
            # What alembic.command calls; here we learn which step is under way, and can add to
            # its transaction whatever the application's env.py does.
            context.on_version_apply_callbacks = (
                *context.on_version_apply_callbacks,
                self._write_down,
            )
            down = destination == BASE
            plan = script._downgrade_revs if down else script._upgrade_revs  # noqa: SLF001
            planned: Iterable[Any] = plan(destination, current)
            for self._step in planned:
                log.info("%s: %s", "taking back" if down else "migrating", self._name())
                yield self._step

        return steps

    def _write_down(self, *, ctx: Any, step: Any, **_: object) -> None:
        """Alembic calls this in the transaction of each step, once its version is set."""
        revision: str = step.up_revision_id
        statements = self._ledger.reached(revision) if self._ledger else []
        for sql in statements if step.is_upgrade else compatibility.forget(revision):
            ctx.execute(text(sql.replace(":", "\\:")))

    def _name(self) -> str:
        """Return revision and title of the step under way."""
        revision = getattr(self._step, "revision", None)
        if revision is None:
            return "(none begun)"
        return f"{revision.revision} ({revision.doc})"

    def _failure(self, error: DBAPIError) -> SchemaError:
        state = getattr(error.orig, "pgcode", None) or ""
        message = " ".join(str(error.orig).split())
        problem = f"migration {self._name()} failed: {message}"
        if blamed := sqlite_error.cause(error.orig):
            return SchemaError(problem, *blamed)
        if state == LOCK_NOT_AVAILABLE:
            return LockTimeoutError(
                problem, "end the transactions that hold the table", ExitStatus.TEMPORARY
            )
        if state == FORBIDDEN:
            advice = (
                "GRANT CREATE ON SCHEMA public to the role, or set EDGEPAAS_MIGRATION_DATABASE_URL"
            )
            return SchemaError(problem, f"{advice} to the tables' owner", ExitStatus.REFUSED)
        if state == DISK_FULL:
            return SchemaError(problem, "free space on the database server", ExitStatus.IO)
        if state.startswith(LOST) or error.connection_invalidated:
            return SchemaError(problem, "start again when PostgreSQL is", ExitStatus.TEMPORARY)
        advice = "correct the migration; the database is as it was before it"
        if state == CANCELED:
            advice = "raise statement_timeout for the role: ALTER ROLE … SET statement_timeout"
        return SchemaError(problem, advice)
