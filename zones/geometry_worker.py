"""The helper process that computes areas (`python -m zones.geometry_worker`): see geometry_pool.py.

It reads requests from standard input and answers on standard output, one frame each (files/frames.py). It ends when its
input is closed or after some time without a request.
"""

import io
import os
import select
import sys
import warnings
from pathlib import Path
from typing import BinaryIO

from zones import confinement
from zones.computing import compute, pack_area, unpack_request
from zones.errors import ZoneError
from zones.files import frames

MEGABYTES = 1024
OUT_OF_MEMORY = 3  # exit status when there was not enough memory to read the request


def main() -> None:
    idle_s = float(sys.argv[1])
    warnings.simplefilter("ignore")
    with (
        os.fdopen(0, "rb", buffering=0) as requests,
        os.fdopen(os.dup(1), "wb") as answers,
        Path(os.devnull).open("wb") as nowhere,
    ):
        os.dup2(nowhere.fileno(), 1)  # discard what a library prints
        confinement.bound(MEGABYTES, idle_s)
        frames.write(answers, {"ready": True})
        while select.select([requests], [], [], idle_s)[0]:
            try:
                frame = frames.read(lambda size: _exactly(requests, size))
            except EOFError:
                return
            except MemoryError:  # the rest of the request is still in the pipe, so this process cannot continue
                sys.exit(OUT_OF_MEMORY)
            _answer(frame, answers)


def _answer(frame: frames.Frame, answers: BinaryIO) -> None:
    confinement.allow(float(frame.document["seconds"]))
    try:
        document, shapes = pack_area(compute(unpack_request(frame.document, frame.shapes)))
    except ZoneError as error:
        document = {"error": {"message": error.message, "hint": error.hint, "details": error.details}}
        shapes = []
    except MemoryError:
        document, shapes = {"error": None}, []
    frames.write(answers, document, shapes)


def _exactly(requests: io.FileIO, size: int) -> bytes:
    read = bytearray()
    while len(read) < size:
        if not (piece := requests.read(size - len(read))):
            raise EOFError
        read += piece
    return bytes(read)


if __name__ == "__main__":
    main()
