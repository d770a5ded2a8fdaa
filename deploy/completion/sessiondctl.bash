# bash completion of sessiondctl: commands and options, as --help tells them ("  group verb ARGUMENTS  what it does").
_sessiondctl() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} group="" i help
    case $before in
    --data) mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
    esac
    help=$("${COMP_WORDS[0]}" --help 2>/dev/null)
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        --*) if grep -qE -- "^  ${COMP_WORDS[i]} [A-Z]" <<<"$help"; then ((i++)); fi ;; # its value is no command
        *) [ -n "$group" ] || group=${COMP_WORDS[i]} ;;
        esac
    done
    case $word in
    -*) mapfile -t COMPREPLY < <(compgen -W "$(grep -o -- '^  --[a-z-]*' <<<"$help")" -- "$word") ;;
    *)
        if [ -z "$group" ]; then
            mapfile -t COMPREPLY < <(compgen -W "$(sed -n '/^commands:/,/^options:/s/^  \([a-z][a-z-]*\).*/\1/p' <<<"$help" | sort -u)" -- "$word")
        else
            mapfile -t COMPREPLY < <(compgen -W "$(sed -n "/^commands:/,/^options:/s/^  $group \([a-z][a-z-]*\).*/\1/p" <<<"$help")" -- "$word")
        fi
        ;;
    esac
}
complete -o filenames -F _sessiondctl sessiondctl
