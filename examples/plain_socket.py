import socket
import struct
import sys

import msgpack

connection = socket.socket(socket.AF_UNIX)
connection.connect(sys.argv[1] if len(sys.argv) > 1 else "/run/assay/assay.sock")
stream = connection.makefile("rwb")


def send(message):
    body = msgpack.packb(message)
    stream.write(struct.pack(">I", len(body)) + body)
    stream.flush()


def receive():
    (length,) = struct.unpack(">I", stream.read(4))
    return msgpack.unpackb(stream.read(length))


send({"id": 0, "op": "hello", "version": 1})
receive()
send({"id": 1, "op": "run", "source": "print(input()[::-1])", "stdin": b"hello\n"})
send({"id": 2, "op": "score", "item": {"kind": "math", "completion": "\\boxed{42}", "reference": "42"}})
for _ in range(2):  # answers come in any order, by id
    message = receive()
    answer = message["answer"]  # a request that failed has message["error"] in its place
    print(message["id"], answer.get("stdout", answer.get("reward")))
