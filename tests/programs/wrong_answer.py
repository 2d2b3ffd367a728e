# trick: none: subtracts where it should add
# section: Languages
# verdict: WRONG_ANSWER
# stdin: '2 3\n'
# expect stdout: '5\n'

first, second = map(int, input().split())
print(first - second)
