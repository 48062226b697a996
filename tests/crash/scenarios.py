"""What is killed: one row for each kind of load, all run by `test_kill_loop.py`."""

import dataclasses

from crash.load import (
    BatchDeleter, Bucketeer, LargeWriter, Linker, LinkReader, Overwriter, Relinker, SmallWriter,
    Uploader, Writer)

#: Segments of 8 MiB and an index that is saved all the time: what happens rarely otherwise.
TINY = ("--segment-bytes", "8M", "--checkpoint-bytes", "256K")


@dataclasses.dataclass
class Scenario:
    """A load, the settings of its daemon, and how it is killed."""

    #: What works at once: class, name, how many.
    workers: list
    #: Kills in an ordinary run; the long one has many more.
    kills: int = 14
    args: tuple = ("--segment-bytes", "8M")
    #: Seconds of load before a kill, at most.
    moment: float = 0.2
    #: How likely a start is killed, too, again and again; seconds of a start that may be, at most.
    again: float = 0.15
    start: float = 0.1


SCENARIOS = {
    "everything": Scenario(
        [(Writer, "w", 5), (BatchDeleter, "batch", 1), (Uploader, "up", 1), (Linker, "link", 1),
         (Bucketeer, "blink", 1)], args=()),
    "small": Scenario([(SmallWriter, "w", 8), (BatchDeleter, "batch", 2)]),
    "large": Scenario([(LargeWriter, "w", 3)], args=(), moment=0.4),
    "multipart": Scenario([(Uploader, "up", 4)], moment=0.4),
    "links": Scenario([(Relinker, "relink", 2), (Linker, "link", 2), (LinkReader, "reader", 2),
                       (SmallWriter, "w", 1)]),
    "buckets": Scenario([(Bucketeer, "blink", 4), (SmallWriter, "w", 1)]),
    "checkpoints": Scenario([(SmallWriter, "w", 4), (Uploader, "up", 1), (Linker, "link", 1)],
                            args=TINY),
    "starts": Scenario([(SmallWriter, "w", 4), (LargeWriter, "big", 1), (Linker, "link", 1)],
                       args=TINY, again=0.75, start=0.15),
    # Compaction looks once a second, and has work when a segment was written anew.
    "compaction": Scenario([(Overwriter, "w", 4), (SmallWriter, "small", 1), (Uploader, "up", 1)],
                           kills=12, moment=2.5,
                           args=("--segment-bytes", "4M", "--checkpoint-bytes", "1M")),
    "relaxed": Scenario(
        [(Writer, "w", 5), (Uploader, "up", 1), (Bucketeer, "blink", 1)],
        args=("--segment-bytes", "8M", "--durability", "relaxed")),
}
