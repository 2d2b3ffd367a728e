// trick: none: adds the numbers of its input
// section: Languages
// verdict: ACCEPTED
// stdin: '1 2 3\n4 5\n'
// expect stdout: '15\n'
// outcome: exit_code=0 oom_kills=0 refused_processes=0 stderr_bytes=0

#include <iostream>
#include <iterator>
#include <numeric>
#include <thread>

int main() {
    long sum = 0;
    std::thread adder([&] { sum = std::accumulate(std::istream_iterator<long>(std::cin), {}, 0L); });
    adder.join();
    std::cout << sum << '\n';
}
