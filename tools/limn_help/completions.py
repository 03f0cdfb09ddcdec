"""What bash, zsh and fish complete: subcommands, their options, and the values that these may have."""

import re

from .man import page_name


def _command(page):
    return page.program.partition(" ")[2]


# ---- bash ------------------------------------------------------------------------------------------------------------

BASH = """\
# What bash completes of {program}. Made of the program's --help by tools/from_help.py.
# shellcheck shell=bash

{function}_files() {{  # -f or -d: folders only
  if declare -F _filedir > /dev/null; then  # bash-completion's, which knows about quotes and ~
    _filedir "${{1#-f}}"
  else
    compopt -o filenames 2> /dev/null
    mapfile -t -O "${{#COMPREPLY[@]}}" COMPREPLY < <(compgen "$1" -- "$cur")
  fi
}}

{function}() {{
  local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD - 1]}} command='' commands='' options=''
  COMPREPLY=()
  # --option=value is three words to bash.
  if [ "$cur" = = ]; then
    cur=''
  elif [ "$prev" = = ] && [ "$COMP_CWORD" -gt 2 ]; then
    prev=${{COMP_WORDS[COMP_CWORD - 2]}}
  fi
{find_command}\
  case $command in
{options}
    *) return ;;
  esac
  case "$command $prev" in
{values}
  esac
  if [ -n "$commands" ]; then
    mapfile -t COMPREPLY < <(compgen -W "$commands $options" -- "$cur")
  elif [[ $cur == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
  else
    {function}_files -f
  fi
}} && complete -F {function} {program}
"""

FIND_COMMAND = """\
  local i
  for ((i = 1; i < COMP_CWORD; ++i)); do
    if [[ ${COMP_WORDS[i]} != -* ]]; then
      command=${COMP_WORDS[i]}
      break
    fi
  done
"""


def bash_completion(pages):
    program = pages[0].program
    function = "_" + re.sub(r"\W", "_", program)
    commands = [entry.names[0] for entry in pages[0].commands()]
    options, values = [], []
    for page in pages:
        command = _command(page)
        names = " ".join(name for option in page.options() for name in option.names)
        given = "commands='%s' " % " ".join(commands) if commands and page is pages[0] else ""
        options.append("    %s) %soptions='%s' ;;" % (command or "''", given, names))
        for option in page.options():
            if option.value:
                patterns = "|".join("'%s %s'" % (command, name) for name in option.names)
                values.append("    %s) %s ;;" % (patterns, "; ".join([*_bash_value(function, option), "return"])))
    return BASH.format(
        program=program,
        function=function,
        find_command=FIND_COMMAND if commands else "",
        options="\n".join(options),
        values="\n".join(values),
    )


def _bash_value(function, option):
    words = " ".join(option.words)
    if option.several:
        yield "local before=''"
        yield "[[ $cur != *,* ]] || before=${cur%,*},"
        yield "mapfile -t COMPREPLY < <(compgen -P \"$before\" -W '%s' -- \"${cur##*,}\")" % words
        yield "compopt -o nospace 2> /dev/null"
    elif option.words:
        yield "mapfile -t COMPREPLY < <(compgen -W '%s' -- \"$cur\")" % words
    if option.files:
        yield function + "_files" + (" -d" if option.files == "folder" else " -f")


# ---- zsh -------------------------------------------------------------------------------------------------------------

ZSH = """\
#compdef {program}
# What zsh completes of {program}. Made of the program's --help by tools/from_help.py.

{functions}
_{function} "$@"
"""

ZSH_COMMANDS = """\
_{function}() {{
  local context state state_descr line
  typeset -A opt_args
  local -a commands=(
{commands}
  )
  _arguments -C \\
{options}
    '1: :->command' '*:: :->arguments'
  case $state in
    command) _describe -t commands command commands ;;
    arguments) (( $+functions[_{function}_$line[1]] )) && _{function}_$line[1] ;;
  esac
}}
"""


def zsh_completion(pages):
    program = pages[0].program
    function = re.sub(r"\W", "_", program)
    functions = []
    for page in pages:
        command = _command(page)
        lines = ["    %s \\" % text for option in page.options() for text in _zsh_option(option)]
        if page.commands():
            commands = ["    %s" % _quoted(_colons(e.names[0]) + ":" + e.description) for e in page.commands()]
            text = ZSH_COMMANDS.format(function=function, commands="\n".join(commands), options="\n".join(lines))
        else:
            name = "_" + function + ("_" + command if command else "")
            lines += ["    %s \\" % _zsh_argument(n, argument) for n, argument in enumerate(page.arguments(), 1)]
            text = "%s() {\n  _arguments \\\n%s\n}\n" % (name, "\n".join(lines)[: -len(" \\")])
        functions.append(text)
    return ZSH.format(program=program, function=function, functions="\n".join(functions))


def _zsh_option(option):
    description = re.sub(r"([\[\]\\:])", r"\\\1", option.description)
    value = ""
    if option.value:
        kinds = ["(%s)" % " ".join(option.words)] if option.words else []
        kinds += {"file": ["_files"], "folder": ["_files -/"]}.get(option.files, [])
        if option.several:
            kinds = ["_values -s , word %s" % " ".join(option.words)]
        elif len(kinds) > 1:
            kinds = ['_alternative "words\\:word\\:%s" "files\\:file\\:_files"' % kinds[0]]
        value = ":%s:%s" % (_colons(option.value), kinds[0] if kinds else " ")
    others = "(%s)" % " ".join(option.names) if len(option.names) > 1 and not option.repeated else ""
    for name in option.names:
        star = "*" if option.repeated else ""
        yield _quoted("%s%s%s[%s]%s" % (others, star, name, description, value))


def _zsh_argument(number, argument):
    return _quoted("%s:%s:_files" % ("*" if argument.repeated else number, _colons(argument.value)))


def _colons(text):
    return text.replace(":", "\\:")


def _quoted(text):
    return "'" + text.replace("'", "'\\''") + "'"


# ---- fish ------------------------------------------------------------------------------------------------------------


def fish_completion(pages):
    program = pages[0].program
    commands = " ".join(entry.names[0] for entry in pages[0].commands())
    lines = ["# What fish completes of %s. Made of the program's --help by tools/from_help.py." % program]
    for entry in pages[0].commands():
        condition = "not __fish_seen_subcommand_from " + commands
        lines.append(
            "complete -c %s -n %s -f -a %s -d %s"
            % (program, _fish(condition), entry.names[0], _fish(entry.description.rstrip(".")))
        )
    for page in pages:
        condition = ""
        if commands:
            which = "__fish_seen_subcommand_from " + (_command(page) or commands)
            condition = " -n " + _fish(which if _command(page) else "not " + which)
        for option in page.options():
            names = " ".join("-l " + n[2:] if n.startswith("--") else "-s " + n[1:] for n in option.names)
            value = ""
            if option.value:
                value = " -r" + ("" if option.files else " -f")
                value += " -a " + _fish(" ".join(option.words)) if option.words else ""
                value = " -x -a '(__fish_complete_directories)'" if option.files == "folder" else value
            if option.several:
                value = " -x -a " + _fish("(__fish_append , %s)" % " ".join(option.words))
            lines.append("complete -c %s%s %s%s -d %s" % (program, condition, names, value, _fish(option.description)))
    return "\n".join(lines) + "\n"


def _fish(text):
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
