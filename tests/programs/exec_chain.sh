# trick: replaces itself thirty times
# section: Processes
# abuse: exec after exec
# verdict: ACCEPTED
# expect stdout: 'thirty\n'

exec bash -c 'if [ "$1" -lt 30 ]; then exec bash -c "$0" "$0" $(($1 + 1)); fi; echo thirty' \
    'if [ "$1" -lt 30 ]; then exec bash -c "$0" "$0" $(($1 + 1)); fi; echo thirty' 0
