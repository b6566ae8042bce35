# Completions of runup for fish: a file ~/.config/fish/completions/runup.fish

function __runup_complete
    set -l words (commandline --tokenize --current-process --cut-at-cursor)
    set -l current (commandline --current-token --cut-at-cursor)
    set -l program (string replace --regex '^~/' "$HOME/" -- $words[1])
    set -l answer ($program complete -- $words[2..] "$current" 2>/dev/null </dev/null)
    set -q answer[1]; or return

    printf '%s\n' $answer[2..]
    # Of `--host=FILE` the name is what follows the `=`.
    set -l before ''
    set -l name $current
    if set -l parts (string match --regex '^(--[^=]*=)(.*)$' -- $current)
        set before $parts[2]
        set name $parts[3]
    end
    switch $answer[1]
        case files
            __fish_complete_path $name | string replace --regex '^' -- $before
        case directories
            __fish_complete_directories $name | string replace --regex '^' -- $before
        case 'command *'
            set -l start (math (string replace 'command ' '' -- $answer[1]) + 2)
            set -l command (string escape -- $words[$start..])
            complete --do-complete "$command $current"
    end
end

complete --command runup --no-files --arguments '(__runup_complete)'
