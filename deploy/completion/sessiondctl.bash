# bash completion of sessiondctl: commands of one to three words and options, as --help tells them ("  group verb ARGUMENTS  what it does").
_sessiondctl() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} words="" i help
    case $before in
    --data) mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
    --config | -c) mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
    esac
    help=$("${COMP_WORDS[0]}" --help 2>/dev/null)
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        -c) ((i++)) ;;
        --*) if grep -qE -- "^  ${COMP_WORDS[i]},* [A-Z]" <<<"$help"; then ((i++)); fi ;; # its value is no command
        *) words+="${COMP_WORDS[i]} " ;;
        esac
    done
    case $word in
    -*) mapfile -t COMPREPLY < <(compgen -W "$(grep -o -- '^  --[a-z-]*' <<<"$help")" -- "$word") ;;
    *) mapfile -t COMPREPLY < <(compgen -W "$(sed -n "/^commands:/,/^options:/s/^  $words\([a-z][a-z-]*\).*/\1/p" <<<"$help" 2>/dev/null | sort -u)" -- "$word") ;;
    esac
}
complete -o filenames -F _sessiondctl sessiondctl
