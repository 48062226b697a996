"""What a store of a format fixture holds, and how it is compared.

`fill` and `change` put something of everything into a store; `dump` says all that clients and
administrators can see of it. The bodies say what they are, so that the archives stay small.
"""

import base64
import hashlib
import json
import shutil
import subprocess
import tarfile
from pathlib import Path

import boto3
import botocore.config
import botocore.exceptions

from . import paths
from .daemon import Daemon

FOLDER = paths.REPOSITORY / "tests" / "formats"
SHARDS = 2
MEBIBYTE = 1024 * 1024


def start(data=None):
    """A daemon on this data folder."""
    args = ["--shards", str(SHARDS)] if data is None else []
    return Daemon("format", args=args, data=data).start()


def client(daemon):
    """An S3 client of the first user."""
    return boto3.client(
        "s3", endpoint_url=daemon.endpoint, region_name="us-east-1",
        aws_access_key_id=daemon.access_key, aws_secret_access_key=daemon.secret_key,
        config=botocore.config.Config(s3={"addressing_style": "path"}))


def body(name, size):
    """Bytes that say what they are."""
    line = f"{name} of a store of a format fixture\n".encode()
    return (line * (size // len(line) + 1))[:size]


def fill(daemon):
    """Something of everything."""
    cli, s3 = daemon.cli, client(daemon)
    cli("user", "create", "alice", "--access-key", "ALICEKEY0001", "--secret-key", "alice-secret-0001",
        "--group", "team")
    cli("user", "create", "bob", "--access-key", "BOBKEY0001", "--secret-key", "bob-secret-0001")
    cli("volume", "create", "/vol1", "--space-quota", "1GB", "--namespace-quota", "50")
    cli("volume", "create", "/vol2", "--user", "alice")
    cli("volume", "addacl", "/vol1", "--acl", "user:alice:rl,group:team:r")
    cli("bucket", "create", "/vol1/plain")
    cli("bucket", "create", "/vol1/limited", "--space-quota", "100MB", "--namespace-quota", "1000")
    cli("bucket", "create", "/vol1/kept", "--protected")
    cli("bucket", "create", "/vol2/hers", "--user", "alice")
    cli("bucket", "addacl", "/vol1/plain", "--acl", "user:bob:rwl,group:team:rl[DEFAULT]")
    cli("prefix", "addacl", "/vol1/plain/shared/", "--acl", "user:bob:a")
    cli("bucket", "link", "/vol1/plain", "/s3v/plain")
    cli("bucket", "link", "/vol1/limited", "/s3v/limited")
    cli("bucket", "link", "/vol1/plain", "/s3v/part-of-it", "--prefix", "shared/", "--read-only")
    cli("bucket", "link", "/s3v/plain", "/vol2/link-to-link")
    cli("bucket", "link", "/vol1/nothing", "/vol2/dangling")
    cli("bucket", "link", "/vol1/kept", "/vol2/bound", "--bind", "id")
    cli("bucket", "link", "/vol2/hers", "/vol1/delegated", "--delegate")
    cli("tenant", "create", "guests")
    cli("tenant", "user", "assign", "bob", "--tenant", "guests")

    for number in range(40):
        s3.put_object(Bucket="plain", Key=f"many/{number:03}", Body=body(f"many {number}", number * 700))
    s3.put_object(Bucket="plain", Key="empty", Body=b"")
    s3.put_object(Bucket="plain", Key="grün/\u96ea", Body=body("unicode", 100))
    s3.put_object(
        Bucket="plain", Key="described", Body=body("described", 5000), ContentType="text/plain",
        CacheControl="max-age=60", ContentLanguage="de", Metadata={"colour": "green"},
        Tagging="kind=test&year=2026", ChecksumAlgorithm="SHA256")
    for algorithm in ("CRC32", "SHA1"):
        s3.put_object(Bucket="plain", Key=f"checksum/{algorithm}", Body=body(algorithm, 3000),
                      ChecksumAlgorithm=algorithm)
    for algorithm, polynomial, width in (("CRC32C", 0x82F63B78, 4), ("CRC64NVME", 0x9A6C9329AC4BC9B5, 8)):
        content = body(algorithm, 300)
        value = base64.b64encode(crc(content, polynomial, width).to_bytes(width)).decode()
        s3.put_object(Bucket="plain", Key=f"checksum/{algorithm}", Body=content,
                      **{f"Checksum{algorithm}": value})
    s3.put_object(Bucket="plain", Key="shared/public", Body=body("public", 10), ACL="public-read")
    s3.put_object(Bucket="plain", Key="large", Body=body("large", 3 * MEBIBYTE + 17))
    s3.put_object(Bucket="limited", Key="copied", Body=body("copied", 70_000))
    s3.copy_object(Bucket="plain", Key="copy", CopySource={"Bucket": "limited", "Key": "copied"})
    multipart(s3, "plain", "multipart", [body("first", 5 * MEBIBYTE), body("second", 12_345)])
    for number in range(10):
        s3.put_object(Bucket="limited", Key=f"gone/{number}", Body=body("gone", 9000))
        s3.delete_object(Bucket="limited", Key=f"gone/{number}")
    aborted = s3.create_multipart_upload(Bucket="limited", Key="aborted")["UploadId"]
    s3.upload_part(Bucket="limited", Key="aborted", UploadId=aborted, PartNumber=1, Body=b"x" * 1000)
    s3.abort_multipart_upload(Bucket="limited", Key="aborted", UploadId=aborted)
    cli("bucket", "create", "/vol1/gone")
    cli("bucket", "delete", "/vol1/gone")


def crc(content, polynomial, width):
    """A reflected CRC, bit by bit."""
    mask = value = (1 << 8 * width) - 1
    for byte in content:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (polynomial if value & 1 else 0)
    return value ^ mask


def multipart(s3, bucket, key, bodies):
    """An object of parts."""
    upload = s3.create_multipart_upload(
        Bucket=bucket, Key=key, ContentType="application/x-parts", Metadata={"made": "of parts"},
        ChecksumAlgorithm="CRC32")["UploadId"]
    parts = []
    for number, part in enumerate(bodies, 1):
        done = s3.upload_part(Bucket=bucket, Key=key, UploadId=upload, PartNumber=number, Body=part,
                              ChecksumAlgorithm="CRC32")
        parts.append({"PartNumber": number, "ETag": done["ETag"], "ChecksumCRC32": done["ChecksumCRC32"]})
    s3.complete_multipart_upload(Bucket=bucket, Key=key, UploadId=upload, MultipartUpload={"Parts": parts})


def change(daemon):
    """What comes after a restart: overwrites, deletes, an upload that stays open, other sources."""
    cli, s3 = daemon.cli, client(daemon)
    for number in range(0, 40, 3):
        s3.put_object(Bucket="plain", Key=f"many/{number:03}", Body=body(f"again {number}", 2000 + number))
    for number in range(1, 40, 5):
        s3.delete_object(Bucket="plain", Key=f"many/{number:03}")
    s3.put_object_tagging(Bucket="plain", Key="large", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    cli("link", "set-source", "/s3v/limited", "/vol1/plain")
    cli("link", "rollback", "/s3v/limited")
    upload = s3.create_multipart_upload(Bucket="limited", Key="open")["UploadId"]
    s3.upload_part(Bucket="limited", Key="open", UploadId=upload, PartNumber=1,
                   Body=body("open", 5 * MEBIBYTE))
    s3.upload_part(Bucket="limited", Key="open", UploadId=upload, PartNumber=2, Body=body("open 2", 100))


# -- everything that can be seen -----------------------------------------------------------------

#: What belongs to a request or a process, not to the store: of S3, and of the CLI.
FLEETING = {"ResponseMetadata", "RequestCharged", "AcceptRanges", "stats"}


def plain(value):
    """As JSON has it, without what is fleeting."""
    if isinstance(value, dict):
        return {name: plain(value[name]) for name in sorted(value) if name not in FLEETING}
    if isinstance(value, list):
        return [plain(each) for each in value]
    return json.loads(json.dumps(value, default=str))


def dump(daemon):
    """All that clients and administrators can see of the store."""
    cli, s3 = daemon.cli_json, client(daemon)
    seen = {"volumes": cli("volume", "list"), "users": cli("user", "list"),
            "tenants": cli("tenant", "list"), "links": cli("link", "list"), "buckets": {},
            "history": cli("link", "history", "/s3v/limited"), "objects": {}, "uploads": {}}
    seen["tenant users"] = cli("tenant", "user", "list", "guests")
    seen["prefix"] = cli("prefix", "getacl", "/vol1/plain/shared/")
    for volume in ("/s3v", "/vol1", "/vol2", "/guests"):
        for entry in cli("bucket", "list", volume):
            name = f"{volume}/{entry['name']}"
            seen["buckets"][name] = {"info": cli("bucket", "info", name),
                                     "acl": cli("bucket", "getacl", name)}
    for bucket in ("plain", "limited", "part-of-it"):
        seen["objects"][bucket] = {key: an_object(s3, bucket, key) for key in keys(s3, bucket)}
    for bucket in ("plain", "limited"):
        seen["uploads"][bucket] = [an_upload(s3, bucket, upload) for upload in
                                   s3.list_multipart_uploads(Bucket=bucket).get("Uploads", [])]
    return plain(seen)


def keys(s3, bucket):
    """All keys, as listed."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, PaginationConfig={"PageSize": 20})
    return [entry["Key"] for page in pages for entry in page.get("Contents", [])]


def an_object(s3, bucket, key):
    """An object with all that belongs to it; of the bytes a digest."""
    answer = s3.get_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
    content = answer.pop("Body").read()
    seen = dict(answer)
    seen["sha256"] = hashlib.sha256(content).hexdigest()
    seen["tags"] = s3.get_object_tagging(Bucket=bucket, Key=key)["TagSet"]
    seen["acl"] = s3.get_object_acl(Bucket=bucket, Key=key)["Grants"]
    return seen


def an_upload(s3, bucket, upload):
    """An open upload with its parts."""
    parts = s3.list_parts(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])
    return {"upload": upload, "parts": parts.get("Parts", [])}


def missing(expected, found, path=""):
    """Where `found` does not have what was `expected`. Later versions may say more, not less."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for name, value in expected.items():
            if name in found:
                yield from missing(value, found[name], f"{path}/{name}")
            else:
                yield f"{path}/{name} is missing"
        if path.startswith(("/objects", "/uploads", "/buckets")) and path.count("/") <= 2:
            yield from (f"{path}/{name} is new" for name in found if name not in expected)
    elif isinstance(expected, list) and isinstance(found, list):
        if len(expected) != len(found):
            yield f"{path}: {len(expected)} were expected, {len(found)} are there"
        for number, (one, other) in enumerate(zip(expected, found)):
            yield from missing(one, other, f"{path}[{number}]")
    elif expected != found:
        yield f"{path}: {expected!r} was expected, {found!r} is there"


# -- archives ------------------------------------------------------------------------------------


def pack(data, archive):
    """Packs a store. What is a hole or zero packs to almost nothing."""
    with tarfile.open(archive, "w:xz", preset=9) as out:
        for path in sorted(Path(data).rglob("*")):
            if path.is_file() and not path.is_symlink() and path.name != "admin.sock":
                info = out.gettarinfo(path, str(path.relative_to(data)))
                info.uid = info.gid = info.mtime = 0
                info.uname = info.gname = ""
                with path.open("rb") as file:
                    out.addfile(info, file)


def unpack(archive, data):
    """Unpacks a store, zeros as holes."""
    data = Path(data)
    data.mkdir(mode=0o700, parents=True)
    with tarfile.open(archive) as packed:
        for member in packed:
            path = data / member.name
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with packed.extractfile(member) as file, path.open("wb") as out:
                while piece := file.read(MEBIBYTE):
                    if piece.count(0) == len(piece):
                        out.seek(len(piece), 1)
                    else:
                        out.write(piece)
                out.truncate(member.size)
            path.chmod(member.mode)


def fixtures():
    """The archives, oldest first."""
    return sorted(FOLDER.glob("*.tar.xz"))


def expected(archive):
    """What a fixture must contain."""
    return json.loads(Path(str(archive).removesuffix(".tar.xz") + ".json").read_text())


def copy(source, data):
    """A copy of an unpacked store, holes kept."""
    subprocess.run(["cp", "-a", "--sparse=always", str(source), str(data)], check=True)


def digests(data):
    """What every file of a store holds."""
    return {str(path.relative_to(data)): hashlib.sha1(path.read_bytes()).hexdigest()
            for path in sorted(Path(data).rglob("*")) if path.is_file()}


def verify(data, *options):
    """`chainring verify`: its status and what it says."""
    done = subprocess.run([paths.BINARIES / "chainring", "verify", str(data), "--json", *options],
                          capture_output=True, text=True, timeout=300)
    return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr


def remove(folder):
    """Removes a copy."""
    shutil.rmtree(folder, ignore_errors=True)
