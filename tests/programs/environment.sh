# trick: reads the daemon's environment in its own
# section: Kernel surface
# verdict: ACCEPTED
# expect stdout: 'HOME=/work\nLANG=C.UTF-8\nOPENBLAS_NUM_THREADS=1\nPATH=yes\nPYTHONHASHSEED=0\nTZ=UTC\n/work\n'

cat /proc/$$/environ | tr '\0' '\n' | sed 's/^PATH=.*/PATH=yes/' | grep -v -e '^_=' -e '^PWD=' -e '^SHLVL=' -e '^OLDPWD=' | sort
pwd
