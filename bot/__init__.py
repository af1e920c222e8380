"""Threadtext: text customers from Slack through your own CarrierX numbers.

The map::

    __main__    `python -m bot`: settings, build_app, run
    app         composition root: the only module that knows every room
    settings    environment -> Settings
    errors      every error raised on purpose
    logs        log lines, without secrets and texts
    web         health, body limits
    domain/     rules: no await, no clock, no input or output
    services/   use cases, through ports
    carrierx/   the carrier, both directions
    media/      files from outside
    store/      the database
    slack/      the surface
"""
