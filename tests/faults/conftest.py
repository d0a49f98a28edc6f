"""Sessions inside the session, as the integration tests have them."""

from __future__ import annotations

from tests.integration.conftest import inner
from tests.integration.test_workers_faults import marker

__all__ = ["inner", "marker"]
