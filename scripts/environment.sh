# Sourced by the scripts of this folder: a virtual environment in the checkout, with this project installed in it.
# Defines `prepare_environment [EXTRA]`, which sets PYTHON; EXTRA is an optional dependency group such as `dev`.

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
VENV="${HEADRACE_VENV:-$ROOT/.venv}"

say() { printf '\033[1m==>\033[0m %s\n' "$*" >&2; }

fail() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# An interpreter that will do. A bare python3 comes first: it is the one the user has chosen.
find_python() {
    local candidate
    for candidate in python3 python3.14 python3.13 python3.12 python3.11 python; do
        if command -v "$candidate" >/dev/null 2>&1 &&
            "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    fail "Headrace needs Python 3.11 or newer; python3 is $(python3 --version 2>&1 || echo missing). Install one" \
        "(for example: apt install python3.11 python3.11-venv) and run this again."
}

# Installs only when pyproject.toml or the interpreter has changed since the last time.
prepare_environment() {
    local extra="${1:-}" target="$ROOT" stamp wanted base
    [ -n "$extra" ] && target="$ROOT[$extra]"
    PYTHON="$VENV/bin/python"
    if [ ! -x "$PYTHON" ]; then
        base="$(find_python)"
        say "making a virtual environment in $VENV ($("$base" --version))"
        "$base" -m venv "$VENV" ||
            fail "$base cannot make virtual environments; on Debian and Ubuntu install python3-venv."
    fi
    stamp="$VENV/.headrace-installed-${extra:-run}"
    wanted="$("$PYTHON" --version; cksum <"$ROOT/pyproject.toml")"
    if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then
        return
    fi
    say "installing headrace${extra:+ with its $extra dependencies} (some 300 MB the first time)"
    if "$PYTHON" -m pip install --quiet --disable-pip-version-check uv >/dev/null 2>&1 &&
        # Compiled once here, not by every process of the first cluster.
        "$VENV/bin/uv" pip install --quiet --compile-bytecode --python "$PYTHON" --editable "$target"; then
        :
    else
        say "uv did not work here; installing with pip, which takes longer"
        "$PYTHON" -m pip install --quiet --disable-pip-version-check --editable "$target" ||
            fail "the installation failed; pip's messages above say why (is a package registry reachable?)"
    fi
    printf '%s' "$wanted" >"$stamp"
}
