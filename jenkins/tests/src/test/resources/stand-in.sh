#!/bin/sh
# Stands in for the program by whose name it is called: writes down how, and answers as a healthy shop would.
#
# STAND_IN_FAILS     calls whose command line starts so fail with exit code 3
# STAND_IN_MARK      the lane that the pods of the manifest are marked with
# STAND_IN_REPLICAS  how many pods the gray version was left with
# STAND_IN_VERSION   the version that answers with the header
# STAND_IN_GONE      not empty: the lane is gone already
set -eu
name=${0##*/}
{
    printf '%s' "$name"
    [ $# -eq 0 ] || printf '\037%s' "$@"
    printf '\036'
} >>"$STAND_IN_LOG"

if [ -n "${STAND_IN_FAILS:-}" ]; then
    case "$name $*" in
    "$STAND_IN_FAILS"*) exit 3 ;;
    esac
fi

case "$name $*" in
"kubectl set image "*replicas*) ;;
"kubectl get --"*replicas*) printf '%s' "${STAND_IN_REPLICAS-1}" ;;
"kubectl set image "*jsonpath*) printf '%s' "${STAND_IN_MARK-gray}" ;;
"kubectl set image "*) echo 'kind: Deployment' ;;
"kubectl label "*) cat ;;
"kubectl apply "*) cat >/dev/null ;;
"kubectl get lanegroups"*entries*) printf 'istio-system/gateway c' ;;
"kubectl get lanegroups"*services*) printf 'a.\nb.other\nc.\n' ;;
"kubectl get lanes"*)
    if [ -z "${STAND_IN_GONE:-}" ] && grep -q "lanectl.set-lane" "$STAND_IN_LOG"; then
        echo lane.graylane.dev/gray
    fi
    ;;
"kubectl get deployments"*)
    if grep -q "kubectl.apply" "$STAND_IN_LOG"; then
        echo deployment.apps/a-gray
    fi
    ;;
"curl "*)
    version=a:41
    while [ $# -gt 0 ]; do
        case $1 in
        --output) answer=$2 ;;
        --header) version=${STAND_IN_VERSION:-a:42} ;;
        esac
        shift
    done
    echo "$version" >"$answer"
    ;;
esac
