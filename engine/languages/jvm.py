"""Languages that run on Java's virtual machine, from a copy of the JDK that starts quickly."""

from __future__ import annotations

from typing import Final

from engine.languages.language import MEMORY_MIB, PLACE, Language, Start, shell
from engine.program import MIB

_JAVA: Final = f"{PLACE}/java"
_BIN: Final = f"{_JAVA}/jdk/bin"
# One thread collects garbage and two compile, whatever the machine has; the heap may be what the program's limit is.
_MACHINE: Final = f"-XX:+UseSerialGC -XX:ActiveProcessorCount=2 -XX:-UsePerfData -Xss64m -Xmx{MEMORY_MIB}m"
# A compiler, or a runner of tests, ends before the second stage of the just-in-time compiler pays.
_COMPILER: Final = f"-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:-UsePerfData -Xss64m -Xmx{MEMORY_MIB}m"
_JARS: Final = "for jar in *.jar */*.jar; do [ -e $jar ] && jars=$jars:$jar; done"
# Classes are many files, and a compile step leaves one.
_PACK: Final = "find . -name '*.class' | tar cf main -T -"
_UNPACK: Final = "tar xf /program/main"
_JAVAC: Final = f"{_BIN}/javac $(printf ' -J%s' -XX:SharedArchiveFile={_JAVA}/javac.jsa {_COMPILER}) -encoding UTF-8"
# Threads of the virtual machine's own, and what it holds beside the heap.
_START: Final = Start(cpu_seconds=0.05, memory_bytes=128 * MIB, processes=32)
_UNCAUGHT: Final = 'Exception in thread "|Error: (?:Could not|Unable to|Main method|A JNI error|LinkageError)'
_VERSION: Final = (f"{_BIN}/java", "--version")

_JUNIT: Final = f"{PLACE}/junit"
_CLASS_NAME: Final = r"s/.*\bpublic\s\+\(\(abstract\|final\)\s\+\)\?class\s\+\(\w\+\).*/\3/p"
_SCALA: Final = f"{PLACE}/scala"
_OBJECT_NAME: Final = r"s/.*\bobject\s\+\(\w\+\).*/\1/p"
_KOTLIN: Final = f"{PLACE}/kotlin_script"
_KOTLIN_PATH: Final = f"{_KOTLIN}/lib/kotlin-stdlib.jar:{_KOTLIN}/lib/kotlin-script-runtime.jar"

JVM: Final = (
    Language(
        name="java",
        extensions=(".java",),
        source_name="Main.java",
        compile=shell(f"{_JARS}; {_JAVAC} -cp {_JAVA}/lib/javatuples.jar:.$jars Main.java && {_PACK}"),
        run=shell(
            f'{_JARS}; {_UNPACK}; exec {_BIN}/java {_MACHINE} -ea -cp {_JAVA}/lib/javatuples.jar:.$jars Main "$@"'
        ),
        version=_VERSION,
        needs=(f"{_JAVA}/javac.jsa", f"{_JAVA}/lib/javatuples.jar"),
        start=_START,
        uncaught=_UNCAUGHT,
    ),
    Language(
        name="junit",
        extensions=(),
        source_name="source",
        compile=shell(
            # A file has the name of its public class; without a source the files sent along are all.
            f"name=$(sed -n '{_CLASS_NAME}' source | head -n 1); [ -s source ] && cp source ${{name:-Main}}.java;"
            f" {_JARS}; {_JAVAC} -cp .:{_JUNIT}/junit.jar$jars *.java && {_PACK}"
        ),
        run=shell(
            f"{_JARS}; {_UNPACK}; exec {_BIN}/java -XX:SharedArchiveFile={_JUNIT}/run.jsa {_COMPILER}"
            f" -jar {_JUNIT}/junit.jar --class-path .:{_JUNIT}/junit.jar$jars --scan-class-path"
        ),
        version=_VERSION,
        needs=(f"{_JAVA}/javac.jsa", f"{_JUNIT}/junit.jar", f"{_JUNIT}/run.jsa"),
        start=_START,
        verdict_by_exit=True,
    ),
    Language(
        name="scala",
        extensions=(".scala",),
        source_name="main.scala",
        compile=shell(
            f"{_JARS}; {_BIN}/java {_COMPILER} @{_SCALA}/compiler.args scala.tools.nsc.Main"
            f" -classpath .:{_SCALA}/lib/scala-library.jar$jars main.scala && {_PACK}"
        ),
        # Where it has no Main, it is started by its first object.
        run=shell(
            f"name=$(sed -n '{_OBJECT_NAME}' main.scala | head -n 1); {_JARS}; {_UNPACK};"
            " if [ -e Main.class ]; then name=Main; fi;"
            f' exec {_BIN}/java {_MACHINE} -cp .:{_SCALA}/lib/scala-library.jar$jars "${{name:-Main}}" "$@"'
        ),
        version=_VERSION,
        needs=(f"{_SCALA}/compiler.jsa", f"{_SCALA}/compiler.args", f"{_SCALA}/lib/scala-library.jar"),
        start=_START,
        uncaught=_UNCAUGHT,
    ),
    Language(
        name="kotlin_script",
        aliases=("kts",),
        extensions=(".kts",),
        source_name="main.kts",
        # Compiled and run by one process.
        run=shell(
            f"exec {_BIN}/java {_COMPILER} @{_KOTLIN}/compiler.args org.jetbrains.kotlin.cli.jvm.K2JVMCompiler"
            f' -no-stdlib -no-reflect -classpath {_KOTLIN_PATH} -script main.kts "$@"'
        ),
        version=_VERSION,
        needs=(f"{_KOTLIN}/compiler.jsa", f"{_KOTLIN}/compiler.args", f"{_KOTLIN}/lib/kotlin-stdlib.jar"),
        start=Start(cpu_seconds=1.5, memory_bytes=256 * MIB, processes=32),
        uncaught=r"main\.kts:\d+:\d+: error: ",
    ),
)
