# trick: none: threads, child processes, a temporary file and a pipe, as ordinary programs use them
# section: Languages
# verdict: ACCEPTED
# expect stdout: '285 81 ok\n'

import concurrent.futures
import multiprocessing
import subprocess
import tempfile


def square(number: int) -> int:
    return number * number


if __name__ == "__main__":
    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        total = sum(threads.map(square, range(10)))
    with multiprocessing.get_context("fork").Pool(2) as children:
        last = children.map(square, range(10))[-1]
    with tempfile.NamedTemporaryFile("w+") as file:
        file.write("ok")
        file.flush()
        word = subprocess.run(["cat", file.name], capture_output=True, text=True, check=True).stdout
    print(total, last, word)
