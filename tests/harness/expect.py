"""Assertions on refusals."""

import contextlib

import botocore.exceptions
import pytest


@contextlib.contextmanager
def refused(status, *codes):
    """The block must fail with this HTTP status and one of these error codes."""
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        yield caught
    response = caught.value.response
    found = (response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"])
    assert found[0] == status and (not codes or found[1] in codes), found
