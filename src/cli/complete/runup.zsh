#compdef runup
# Completions of runup for zsh: a file `_runup` in a directory of fpath, or eval "$(runup completions zsh)" after compinit.

_runup() {
    local -a given answer plain open
    local line value index
    given=("${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}")
    answer=("${(@f)$("${(Q)${~words[1]}}" complete -- "${given[@]}" 2>/dev/null </dev/null)}")

    for line in "${(@)answer[2,-1]}"; do
        # _describe takes what stands before the first colon for the word.
        value=${${line%%$'\t'*}//:/\\:}
        [[ -n $value ]] || continue
        if [[ $value == *= ]]; then
            open+=("$value:${line#*$'\t'}")
        else
            plain+=("$value:${line#*$'\t'}")
        fi
    done

    case $answer[1] in
        command*)
            index=${answer[1]#command }
            words=("${(@)words[index+2,-1]}")
            ((CURRENT -= index + 1))
            _normal
            return
            ;;
    esac

    local found=1
    (($#plain)) && _describe -t values runup plain && found=0
    # What waits for more gets no space behind it.
    (($#open)) && _describe -t values runup open -S '' && found=0
    case $answer[1] in
        files)
            [[ $PREFIX == --*=* ]] && compset -P '--*='
            _files && found=0
            ;;
        directories)
            [[ $PREFIX == --*=* ]] && compset -P '--*='
            _files -/ && found=0
            ;;
    esac
    return found
}

if [[ $funcstack[1] == _runup ]]; then
    _runup "$@"
else
    compdef _runup runup
fi
