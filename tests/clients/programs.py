"""The client programs, each as the same three verbs: put a tree, get a tree, copy a file."""

import concurrent.futures
import os
import subprocess
import sys
from pathlib import Path

import boto3
import boto3.s3.transfer
import botocore.config
import botocore.exceptions
from harness import paths


class Client:
    """A client program that talks to one endpoint."""

    #: The program's file name, or None where it is a library.
    program = None

    def __init__(self, endpoint, access_key, secret_key, home):
        self.endpoint = endpoint
        self.access_key, self.secret_key = access_key, secret_key
        self.home = home
        self.environment = {
            **os.environ, "HOME": str(home), "AWS_ACCESS_KEY_ID": access_key,
            "AWS_SECRET_ACCESS_KEY": secret_key, "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": str(home / "none"),
        }
        # A machine behind a proxy may name a bundle that some clients cannot load; nothing here
        # speaks TLS.
        self.environment.pop("AWS_CA_BUNDLE", None)

    @classmethod
    def missing(cls):
        """Why the client cannot be used here, or None."""
        if cls.program and not paths.tool(cls.program):
            return f"{cls.program} is not installed (tests/run installs it)"
        return None

    def spawn(self, *arguments):
        """Starts the program and does not wait."""
        return subprocess.Popen(
            [paths.tool(self.program), *map(str, arguments)], env=self.environment,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def run(self, *arguments):
        """Runs the program to its end; an error shows what it printed."""
        process = self.spawn(*arguments)
        printed, _ = process.communicate(timeout=1800)
        assert process.returncode == 0, f"{self.program}: {printed[-3000:]}"

    def put_tree_command(self, folder, bucket):
        """The arguments that bring a tree into a bucket, leaving out what is there."""
        raise NotImplementedError

    def start_put_tree(self, folder, bucket):
        """Starts to bring a tree; the result has `poll` and `wait`."""
        return self.spawn(*self.put_tree_command(folder, bucket))

    def put_tree(self, folder, bucket):
        """Brings a tree into a bucket."""
        self.run(*self.put_tree_command(folder, bucket))

    def put_file_command(self, file, bucket, key):
        """The arguments that bring one file."""
        raise NotImplementedError

    def start_put_file(self, file, bucket, key):
        """Starts to bring one file."""
        return self.spawn(*self.put_file_command(file, bucket, key))

    def put_file(self, file, bucket, key):
        """Brings one file."""
        self.run(*self.put_file_command(file, bucket, key))


class Aws(Client):
    """The AWS command line."""

    program = "aws"

    def spawn(self, *arguments):
        # The one beside this Python: the pinned one.
        return subprocess.Popen(
            [sys.executable, Path(sys.executable).parent / "aws", "--endpoint-url", self.endpoint,
             *map(str, arguments)],
            env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    @classmethod
    def missing(cls):
        return None if (Path(sys.executable).parent / "aws").exists() else "awscli is not installed"

    def put_tree_command(self, folder, bucket):
        return ["s3", "sync", "--only-show-errors", folder, f"s3://{bucket}/tree"]

    def get_tree(self, bucket, folder):
        self.run("s3", "sync", "--only-show-errors", f"s3://{bucket}/tree", folder)

    def put_file_command(self, file, bucket, key):
        return ["s3", "cp", "--only-show-errors", file, f"s3://{bucket}/{key}"]

    def get_file(self, bucket, key, file):
        self.run("s3", "cp", "--only-show-errors", f"s3://{bucket}/{key}", file)


class Rclone(Client):
    """rclone, configured by its environment alone."""

    program = "rclone"

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.environment |= {
            "RCLONE_CONFIG": str(self.home / "rclone.conf"),
            "RCLONE_CONFIG_C_TYPE": "s3", "RCLONE_CONFIG_C_PROVIDER": "Other",
            "RCLONE_CONFIG_C_ENDPOINT": self.endpoint,
            "RCLONE_CONFIG_C_ACCESS_KEY_ID": self.access_key,
            "RCLONE_CONFIG_C_SECRET_ACCESS_KEY": self.secret_key,
            "RCLONE_CONFIG_C_REGION": "us-east-1", "RCLONE_CONFIG_C_FORCE_PATH_STYLE": "true",
        }

    def put_tree_command(self, folder, bucket):
        return ["sync", "--transfers", "16", "--checkers", "16", folder, f"c:{bucket}/tree"]

    def put_tree(self, folder, bucket):
        super().put_tree(folder, bucket)
        # rclone compares sizes and MD5s of both sides itself.
        self.run("check", folder, f"c:{bucket}/tree")

    def get_tree(self, bucket, folder):
        self.run("sync", "--transfers", "16", "--checkers", "16", f"c:{bucket}/tree", folder)

    def put_file_command(self, file, bucket, key):
        return ["copyto", "--s3-chunk-size", "16M", file, f"c:{bucket}/{key}"]

    def get_file(self, bucket, key, file):
        self.run("copyto", f"c:{bucket}/{key}", file)


class S5cmd(Client):
    """s5cmd."""

    program = "s5cmd"

    def spawn(self, *arguments):
        return super().spawn("--endpoint-url", self.endpoint, "--log", "error",
                             "--numworkers", "32", *arguments)

    def put_tree_command(self, folder, bucket):
        return ["sync", f"{folder}/", f"s3://{bucket}/tree/"]

    def get_tree(self, bucket, folder):
        self.run("sync", f"s3://{bucket}/tree/*", f"{folder}/")

    def put_file_command(self, file, bucket, key):
        return ["cp", "--part-size", "16", file, f"s3://{bucket}/{key}"]

    def get_file(self, bucket, key, file):
        self.run("cp", f"s3://{bucket}/{key}", file)


class Boto3(Client):
    """boto3 in this process, with its transfer manager."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.s3 = boto3.client(
            "s3", endpoint_url=self.endpoint, aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key, region_name="us-east-1",
            config=botocore.config.Config(
                max_pool_connections=32, retries={"max_attempts": 2},
                s3={"addressing_style": "path"}))
        self.transfer = boto3.s3.transfer.TransferConfig(multipart_chunksize=16 << 20)
        self.pool = concurrent.futures.ThreadPoolExecutor(16)

    def keys(self, bucket):
        """The keys of the tree with their sizes."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="tree/")
        return {e["Key"]: e["Size"] for page in pages for e in page.get("Contents", [])}

    def put_tree(self, folder, bucket):
        there = self.keys(bucket)
        jobs = []
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            key = f"tree/{path.relative_to(folder).as_posix()}"
            if there.get(key) != path.stat().st_size:
                jobs.append(self.pool.submit(self._put, path, bucket, key))
        for job in jobs:
            job.result()

    def _put(self, path, bucket, key):
        with path.open("rb") as file:
            self.s3.put_object(Bucket=bucket, Key=key, Body=file)

    def start_put_tree(self, folder, bucket):
        return _Job(self.pool.submit(self.put_tree, folder, bucket))

    def get_tree(self, bucket, folder):
        def get(key):
            path = folder / key.removeprefix("tree/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self.s3.get_object(Bucket=bucket, Key=key)["Body"].read())

        for _ in self.pool.map(get, self.keys(bucket)):
            pass

    def put_file(self, file, bucket, key):
        self.s3.upload_file(str(file), bucket, key, Config=self.transfer)

    def start_put_file(self, file, bucket, key):
        return _Job(self.pool.submit(self.put_file, file, bucket, key))

    def get_file(self, bucket, key, file):
        self.s3.download_file(bucket, key, str(file), Config=self.transfer)


class _Job:
    """A future with the two methods of a process that the tests use."""

    def __init__(self, future):
        self.future = future

    def poll(self):
        return int(self.future.exception() is not None) if self.future.done() else None

    def wait(self):
        """Waits for the end, good or bad."""
        return int(self.future.exception() is not None)


ALL = [Aws, Boto3, Rclone, S5cmd]
