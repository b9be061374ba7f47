"""Asks a service what it does, and says where the fake does something else: `mock-akool calibrate`.

A probe finds out one setting, or one fact that has no setting. What has a setting is read from the service's answer; of
everything else a fake of this process is asked the same, and the answers are compared.
"""

from mock_akool.calibration.catalogue import NOT_PROBED, OF_SETTING, PROBES
from mock_akool.calibration.http_service import HttpService, listening
from mock_akool.calibration.probe import Probe
from mock_akool.calibration.report import as_json, as_plan, as_text, as_toml, redacted
from mock_akool.calibration.run import Calibration, Finding, Planned, Verdict, calibrate, fake_of, plan
from mock_akool.calibration.service import CalibrationError
from mock_akool.calibration.session import MEDIA, MOST_REQUESTS, Credentials, Limits

__all__ = [
    "MEDIA",
    "MOST_REQUESTS",
    "NOT_PROBED",
    "OF_SETTING",
    "PROBES",
    "Calibration",
    "CalibrationError",
    "Credentials",
    "Finding",
    "HttpService",
    "Limits",
    "Planned",
    "Probe",
    "Verdict",
    "as_json",
    "as_plan",
    "as_text",
    "as_toml",
    "calibrate",
    "fake_of",
    "listening",
    "plan",
    "redacted",
]
