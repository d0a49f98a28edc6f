"""The pytest plugin: options, marker, fixture, and hook functions of a few lines that build the objects.

Nothing heavy is imported here. A session in which no marked test is collected loads this module and
the option table, and no more.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from pytest_repro import frozen  # first thing: it keeps what conftests are about to change

if TYPE_CHECKING:
    from pytest_repro.recorder import Repro
    from pytest_repro.session import ReproSession

__all__: list[str] = []

MARKER = "repro"

#: the last word on the marker, shown by ``pytest --markers``
MARKER_HELP = (
    "repro(runs=, seed=, rtol=, atol=, ulp=, isolation=, vary=, timeout=, ...): execute this test repeatedly under "
    "fixed seeds with --repro-runs=N and fail when a value recorded with the 'repro' fixture differs between the "
    "runs. Precedence: command line > marker > ini > default."
)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Declare our own hooks."""
    from pytest_repro import hookspecs

    pluginmanager.add_hookspecs(hookspecs)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare every option of the table on the command line and in the ini file."""
    from pytest_repro.options import OPTIONS

    group = parser.getgroup(
        "repro", "determinism testing (pytest-repro); precedence: command line > marker > ini > default"
    )
    for option in OPTIONS:
        if option.command_line:
            extra: dict[str, Any] = {"nargs": "?", "const": option.bare} if option.bare is not None else {}
            group.addoption(
                option.flag, dest=option.key, metavar=option.metavar, default=None, help=option.help, **extra
            )
        if option.ini:
            parser.addini(option.key, option.help, type=option.ini_type, default=None)  # type: ignore[arg-type]


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Keep what conftests are about to change."""
    frozen.keep_environment(early_config)


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, and the session object when it can matter."""
    config.addinivalue_line("markers", MARKER_HELP)
    config.pluginmanager.register(_Fixture(), "repro-fixture")
    if any(config.getoption(key) or config.getini(key) for key in ("repro_all", "repro_autolog")):
        from pytest_repro.execute.rewriting import asked_for, show_operands

        if "assertions" in asked_for(config):
            config.add_cleanup(show_operands())
    # a worker (see execute.types.WORKER) executes what it is asked for and plans no runs of its own
    if not config.getoption("collectonly", False) and not config.pluginmanager.has_plugin("repro-worker"):
        config.pluginmanager.register(_Lazy(config), "repro-lazy")


class _Fixture:
    """The fixture, and a hook that says for which test it is set up.

    A parameter ``request`` would say so, too, but pytest 9 makes up to three definitions with a signature each to give
    it: a tenth of what a run of a small test takes.
    """

    def __init__(self) -> None:
        self._node: pytest.Item | None = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest) -> None:
        """Remember whose turn it is."""
        if fixturedef.argname == MARKER:
            self._node = request.node

    @pytest.fixture
    def repro(self) -> Iterator[Repro]:
        """Record values that must be equal in every run of a test marked ``@pytest.mark.repro``.
        With --repro-runs=N such a test is executed N times and fails when a value differs.
        - repro.metric(name, value, step=None, rtol=, atol=, ulp=): a number, or one point of a series
        - repro.artifact(name, value_or_path): an array, frame, model, nested value, file or directory
        - repro.seed: the fixed seed of the test; repro.rng: a numpy.random.Generator made from it
        - repro.run, repro.runs: which run of how many this is
        - repro(function, *args, **kwargs), in any test: run it repeatedly, compare what it returns,
          return the first result
        Precedence of every setting: command line > marker > ini > default.
        """  # noqa: D205 - pytest --fixtures shows nothing after a blank line
        from pytest_repro.execute.active import ACTIVE

        node, self._node = self._node, None
        assert node is not None, "pytest sets up no fixture without its hook"
        active = node.stash.get(ACTIVE, None)
        if active is not None:  # nothing more is imported: each child of a worker would pay for it
            yield active.repro
            active.recorder.close()  # what watches must not outlive a run that ended before its call
            return
        from pytest_repro.session import fixture_object

        with fixture_object(node) as instance:
            yield instance


class _Lazy:
    """Waits for the first marked test or option; until then names are looked up, and no test meets a hook of ours."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self._session: ReproSession | None = None

    def working(self) -> ReproSession:
        """The working object, built when first needed, with the hooks that it acts through."""
        if self._session is None:
            from pytest_repro.session import ReproSession
            from pytest_repro.session_hooks import SessionHooks

            self._session = ReproSession.build(self.config)
            self.config.pluginmanager.register(SessionHooks(self._session), "repro-session")
        return self._session

    @property
    def idle(self) -> bool:
        """Whether nothing was built yet."""
        return self._session is None

    def _given(self) -> bool:
        option = self.config.option
        given = any(getattr(option, key, None) is not None for key in vars(option) if key.startswith("repro_"))
        return given or bool(self.config.getini("repro_all"))

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Refuse unusable options before anything is collected."""
        if self._given():
            self.working().check()
        elif self.config.pluginmanager.has_plugin("dsession"):
            self.config.pluginmanager.register(_Controller(self), "repro-controller")

    def pytest_report_header(self) -> list[str]:
        """Say in one sentence what the runs are."""
        return self.working().header() if self._given() or self.config.getini("repro_runs") else []

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Refuse unusable marker arguments."""
        if self._session is not None or any(item.get_closest_marker(MARKER) for item in items):
            self.working().selection.check_items(items)


class _Controller:
    """On an xdist controller, which collects nothing: hears of the first marked test by its report."""

    def __init__(self, lazy: _Lazy) -> None:
        self._lazy = lazy

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Let the session's own hooks take over; they do not see the call that is under way."""
        if self._lazy.idle and (hasattr(report, "repro") or hasattr(report, "repro_watched")):
            self._lazy.working().collect(report)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take over what a worker could not say itself."""
        message = getattr(node, "workeroutput", {}).get("repro_usage_error")
        if message:
            self._lazy.working().reporting.usage_error = message
