"""Scenarios: what becomes of jobs, requests and webhooks where that is not as usual.

model.py        a scenario as frozen data
schema.py       how a person writes one
runtime.py      what is active, for everybody, an account or a job, and what was used up of it
middleware.py   what stands in front of the API
"""
