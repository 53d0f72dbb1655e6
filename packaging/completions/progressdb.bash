# SPDX-License-Identifier: Apache-2.0
# Completions of progressdb; tests/e2e/package holds them against --help.
_progressdb()
{
	local current="${COMP_WORDS[COMP_CWORD]}" before="${COMP_WORDS[COMP_CWORD - 1]}"
	local flags="--config --addr --db --tls-cert --tls-key --set --check-config --dump-config
		--config-schema --config-sample --config-reference --version --help"

	case "$before" in
	--config | --tls-cert | --tls-key) mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
	--db) mapfile -t COMPREPLY < <(compgen -d -- "$current") ;;
	--addr | --set) COMPREPLY=() ;;
	*) mapfile -t COMPREPLY < <(compgen -W "$flags" -- "$current") ;;
	esac
}
complete -F _progressdb progressdb
