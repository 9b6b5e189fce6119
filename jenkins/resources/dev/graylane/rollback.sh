# Takes the lane back: its rules first and at once, its pods later. Can be repeated.
set -eu

# Where nothing was promoted, a lane that is not there was never set, and has no rules to take back.
# If that cannot be found out, the lane is taken back all the same.
lane=$GRAYLANE_LANE
if [ "${GRAYLANE_PROMOTED:-}" != "$GRAYLANE_LANE" ]; then
    lane=$(kubectl get lanes.graylane.dev "$GRAYLANE_LANE" --namespace="$GRAYLANE_NAMESPACE" \
        --ignore-not-found --output=name) || lane=unknown
fi
if [ -n "$lane" ]; then
    lanectl rollback "$GRAYLANE_LANE" --group="$GRAYLANE_GROUP" --namespace="$GRAYLANE_NAMESPACE" \
        --wait --timeout="$GRAYLANE_TIMEOUT"
fi

# A version that failed before its lane was set has pods all the same.
mark="graylane.dev/lane=$GRAYLANE_LANE"
deployments=$(kubectl get deployments --namespace="$GRAYLANE_NAMESPACE" --selector="$mark" --output=name)
if [ -n "$deployments" ]; then
    kubectl scale deployments --namespace="$GRAYLANE_NAMESPACE" --selector="$mark" --replicas=0
fi
