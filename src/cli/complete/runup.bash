# Completions of runup for bash: eval "$(runup completions bash)"

_runup() {
    local -a words=() starts=()
    local rest=${COMP_LINE:0:COMP_POINT} index word trimmed
    # bash splits words at `=` and `:` too. What no white space separates is one word.
    for ((index = 0; index <= COMP_CWORD; index++)); do
        word=${COMP_WORDS[index]}
        trimmed=${rest#"${rest%%[![:space:]]*}"}
        # Of the last word, what stands before the cursor.
        ((index == COMP_CWORD)) && word=$trimmed
        if ((index > 0)) && [[ $trimmed == "$rest" ]]; then
            words[${#words[@]} - 1]+=$word
        else
            starts[${#words[@]}]=$index
            words[${#words[@]}]=$word
        fi
        rest=${trimmed#"$word"}
    done

    local program=${words[0]} current=${words[${#words[@]} - 1]} strip='' quoted=''
    # shellcheck disable=SC2088 # the words are as they were typed, and nothing has expanded this one
    [[ $program == '~/'* ]] && program=$HOME/${program:2}
    [[ $current == [\"\']* ]] && quoted=1
    # What stands before the last of these is not replaced by what is offered.
    local breaks=${COMP_WORDBREAKS//[^=:]/}
    if [[ -n $breaks && -z $quoted && $current == *["$breaks"]* ]]; then
        strip=${current%"${current##*["$breaks"]}"}
    fi

    local first='' value
    local -a typed=("${words[@]:1}")
    COMPREPLY=()
    while IFS=$'\t' read -r value _; do
        if [[ -z $first ]]; then
            first=$value
            continue
        fi
        value=${value#"$strip"}
        # Names come from files: what the shell would take for more than a name is quoted.
        [[ -z $quoted && $value == *[!A-Za-z0-9_.,:=/@%+-]* ]] && printf -v value %q "$value"
        [[ $value == *= ]] && compopt -o nospace 2>/dev/null
        COMPREPLY[${#COMPREPLY[@]}]=$value
    done < <("$program" complete -- "${typed[@]//[\"\'\\]/}" 2>/dev/null </dev/null)

    case $first in
        files) compopt -o bashdefault -o default 2>/dev/null ;;
        directories) compopt -o dirnames 2>/dev/null ;;
        command*)
            index=$((${first#command } + 1))
            if declare -F _command_offset >/dev/null; then
                _command_offset "${starts[index]}"
            elif ((index == ${#words[@]} - 1)); then
                while IFS= read -r value; do
                    COMPREPLY[${#COMPREPLY[@]}]=$value
                done < <(compgen -c -- "$current")
            else
                compopt -o bashdefault -o default 2>/dev/null
            fi
            ;;
    esac
}

complete -F _runup runup
