"""Multipart uploads that were left unfinished: listed, ended by an administrator, expired."""

import json

import pytest
from harness.daemon import CliError, Daemon, wait_until
from harness.raw import Connection, Raw

#: Longer than a part needs to be stored here, whatever else runs.
PATIENCE = 5


@pytest.fixture(scope="module")
def daemon(tmp_path_factory):
    audit = tmp_path_factory.mktemp("audit") / "audit.log"
    daemon = Daemon("uploads", args=["--shards", "2", "--expire-uploads", f"{PATIENCE}s",
                                     "--audit-log", str(audit)]).start()
    daemon.audit = audit
    daemon.cli("volume", "create", "/vol1")
    for bucket in ("patient", "hasty", "doomed"):
        daemon.cli("bucket", "create", f"/vol1/{bucket}")
        daemon.cli("bucket", "link", f"/vol1/{bucket}", f"/s3v/{bucket}")
    daemon.cli("bucket", "update", "/vol1/patient", "--expire-uploads", "off")
    yield daemon
    daemon.close()


@pytest.fixture
def s3(daemon):
    connection = Connection(Raw("127.0.0.1", daemon.port, daemon.access_key, daemon.secret_key))
    yield connection
    connection.close()


def begin(s3, bucket, key, parts=()):
    answer = s3.request("POST", f"/{bucket}/{key}", query=[("uploads", None)])
    assert answer.status == 200, answer
    upload = answer.xml().findtext("UploadId")
    for number, body in parts:
        put(s3, bucket, key, upload, number, body)
    return upload


def put(s3, bucket, key, upload, number, body):
    answer = s3.request("PUT", f"/{bucket}/{key}", body=body,
                        query=[("partNumber", str(number)), ("uploadId", upload)])
    assert answer.status == 200, answer
    return answer.header("etag")


def listed(daemon, *arguments):
    return {entry["uploadId"]: entry for entry in daemon.cli_json("upload", "list", *arguments)}


def used(daemon, bucket):
    return daemon.cli_json("bucket", "info", f"/vol1/{bucket}")["usedBytes"]


def test_uploads_are_listed_and_ended(daemon, s3):
    first = begin(s3, "patient", "a/one", [(1, b"x" * 1000), (2, b"y" * 500)])
    second = begin(s3, "patient", "b")
    both = listed(daemon, "/vol1/patient")
    assert list(both) == [first, second]
    one = both[first]
    assert (one["volumeName"], one["bucketName"], one["keyName"]) == ("vol1", "patient", "a/one")
    assert (one["parts"], one["dataSize"], one.get("expiryTime")) == (2, 1500, None)
    assert one["creationTime"] <= one["modificationTime"]
    # By the link, by a prefix, page by page, by age.
    assert list(listed(daemon, "/s3v/patient", "--prefix", "a/")) == [first]
    assert list(listed(daemon, "/vol1/patient", "--length", "1")) == [first]
    after = f"/vol1/patient/a/one/{first}"
    assert list(listed(daemon, "/vol1/patient", "--start", after)) == [second]
    assert listed(daemon, "/vol1/patient", "--older-than", "1h") == {}
    assert used(daemon, "patient") == 1500
    daemon.cli("upload", "abort", "--older-than", "1h")
    assert list(listed(daemon, "/vol1/patient")) == [first, second]
    daemon.cli("upload", "abort", "/vol1/patient/a/one", first)
    assert used(daemon, "patient") == 0
    with pytest.raises(CliError, match="NO_SUCH_MULTIPART_UPLOAD_ERROR"):
        daemon.cli("upload", "abort", "/vol1/patient/a/one", first)
    answer = s3.request("GET", "/patient/a/one", query=[("uploadId", first)])
    assert (answer.status, answer.code) == (404, "NoSuchUpload")
    wait_until("a second passes", lambda: listed(daemon, "/vol1/patient", "--older-than", "1s"))
    daemon.cli("upload", "abort", "--older-than", "1s", "/vol1/patient")
    assert listed(daemon, "/vol1/patient") == {}


def test_what_nobody_goes_on_with_expires(daemon, s3):
    kept = begin(s3, "patient", "k", [(1, b"kept")])
    left = begin(s3, "hasty", "left", [(1, b"z" * 4000)])
    going = begin(s3, "hasty", "going")
    assert listed(daemon, "/vol1/hasty")[left]["expiryTime"]
    etags = []

    def expired():
        etags.append(put(s3, "hasty", "going", going, 1, b"%d" % len(etags)))
        return left not in listed(daemon, "/vol1/hasty")

    wait_until("expired", expired, seconds=60, every=0.2)
    assert list(listed(daemon, "/vol1/hasty")) == [going]
    assert used(daemon, "hasty") == len(b"%d" % (len(etags) - 1))
    assert list(listed(daemon, "/vol1/patient")) == [kept]
    answer = s3.request("GET", "/hasty/left", query=[("uploadId", left)])
    assert (answer.status, answer.code) == (404, "NoSuchUpload")
    xml = f"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etags[-1]}</ETag></Part></CompleteMultipartUpload>"
    answer = s3.request("POST", "/hasty/going", query=[("uploadId", going)], body=xml.encode())
    assert answer.status == 200, answer
    ends = []

    def told():
        lines = [json.loads(line) for line in daemon.audit.read_text().splitlines()]
        ends[:] = [line for line in lines if line["what"] == "upload expire" and line["key"] == "left"]
        return ends

    wait_until("audit line", told)
    assert len(ends) == 1, ends
    assert (ends[0]["asked"], ends[0]["who"], ends[0]["result"]) == ("/vol1/hasty", None, "OK")
    assert left in ends[0]["detail"] and "1 parts, 4000 bytes" in ends[0]["detail"]
    # What ended stays ended, what did not is still there.
    daemon.kill()
    daemon.restart()
    assert list(listed(daemon, "/vol1/patient")) == [kept]
    daemon.cli("upload", "abort", "/vol1/patient/k", kept)


def test_uploads_to_a_deleted_bucket_are_not_shown_and_end(daemon, s3):
    daemon.cli("bucket", "update", "/vol1/doomed", "--expire-uploads", "off")
    upload = begin(s3, "doomed", "k", [(1, b"x" * 3000)])
    assert list(listed(daemon, "/vol1/doomed")) == [upload]
    daemon.cli("bucket", "delete", "/vol1/doomed")
    assert upload not in listed(daemon)
    told = '"key":"k","result":"OK"'

    def ended():
        return any('"what":"upload expire"' in line and told in line and upload in line
                   for line in daemon.audit.read_text().splitlines())

    wait_until("ended", ended, seconds=60, every=0.2)
