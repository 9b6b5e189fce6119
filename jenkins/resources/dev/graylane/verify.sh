# Calls the group's entry without and with the lane's header, and looks who answered.
set -eu

of_group() {
    kubectl get lanegroups.graylane.dev "$GRAYLANE_GROUP" --namespace="$GRAYLANE_NAMESPACE" \
        --output="jsonpath=$1"
}

host=${GRAYLANE_URL#*://}
host=${host%%[:/?]*}
entries=$(of_group '{.spec.entries[*]}')
members=$(of_group '{range .spec.services[*]}{.name}.{.namespace}{"\n"}{end}')

# A call straight to a service of the group passes no entry filter: nothing would put it into the lane.
for member in $members; do
    name=${member%%.*}
    namespace=${member#*.}
    namespace=${namespace:-$GRAYLANE_NAMESPACE}
    case $host in
    "$name" | "$name.$namespace" | "$name.$namespace.svc" | "$name.$namespace.svc".*) ;;
    *) continue ;;
    esac
    # An entry is a Deployment, which is often named after its service: a, a-v1.
    case " $entries " in
    *[\ /]"$name "* | *[\ /]"$name-"*) continue ;;
    esac
    echo "$GRAYLANE_URL is the service $name, a member of group $GRAYLANE_GROUP and none of its entries:" \
        "a call to it passes no entry filter, so that no lane can be seen; call an entry ($entries)" >&2
    exit 2
done

answer=$(mktemp)
trap 'rm -f "$answer"' EXIT

call() {
    curl --silent --show-error --fail --globoff --max-time 10 --output "$answer" --url "$GRAYLANE_URL" "$@"
}

fail() {
    echo "request $number of $GRAYLANE_COUNT $1; the answer was:" >&2
    head -c 2000 "$answer" >&2
    exit 1
}

# The same condition as for the lane: NAME is enough to be present, NAME=VALUE must be equal.
case $GRAYLANE_HEADER in
*=*) header="${GRAYLANE_HEADER%%=*}: ${GRAYLANE_HEADER#*=}" ;;
*) header="$GRAYLANE_HEADER: 1" ;;
esac

number=0
while [ "$number" -lt "$GRAYLANE_COUNT" ]; do
    number=$((number + 1))
    call || fail "without the header failed"
    if grep -q -F -e "$GRAYLANE_SHOWS" "$answer"; then
        fail "without the header reached the lane: \"$GRAYLANE_SHOWS\" is in it"
    fi
    call --header "$header" || fail "with the header failed"
    if ! grep -q -F -e "$GRAYLANE_SHOWS" "$answer"; then
        fail "with the header did not reach the lane: \"$GRAYLANE_SHOWS\" is not in it"
    fi
done
echo "$GRAYLANE_COUNT requests without the header stayed on the baseline, $GRAYLANE_COUNT with it reached the lane"
