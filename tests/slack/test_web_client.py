"""The bot's words and its token go to Slack only."""

import pytest

from bot.slack.web_client import is_slacks

SLACK = "https://slack.com/api/"
PRETEND = "http://127.0.0.1:4321/api/"


@pytest.mark.parametrize(
    ("url", "api_url"),
    [
        ("https://hooks.slack.com/commands/T1/1/x", SLACK),
        ("https://hooks.slack.com:443/commands/T1/1/x", SLACK),
        ("https://acme.slack.com/x", SLACK),
        ("http://127.0.0.1:4321/response/x", PRETEND),
    ],
)
def test_slacks_own_addresses(url: str, api_url: str):
    assert is_slacks(url, api_url)


@pytest.mark.parametrize(
    ("url", "api_url"),
    [
        ("http://hooks.slack.com/commands/T1/1/x", SLACK),
        ("https://hooks.slack.com:8443/x", SLACK),
        ("https://hooks.slack.com.evil.example/x", SLACK),
        ("https://evilslack.com/x", SLACK),
        ("https://evil.example/hooks.slack.com", SLACK),
        ("https://hooks.slack.com@evil.example/x", SLACK),
        ("https://user:word@hooks.slack.com/x", SLACK),
        ("https://hooks.slack.com:port/x", SLACK),
        ("http://127.0.0.1:4322/response/x", PRETEND),
        ("https://127.0.0.1:4321/response/x", PRETEND),
        ("http://127.0.0.1:4321/response/x", SLACK),
        ("", SLACK),
    ],
)
def test_everybody_elses(url: str, api_url: str):
    assert not is_slacks(url, api_url)
