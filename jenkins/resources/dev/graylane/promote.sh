# Makes the lane's version the baseline. The controller does it; this waits, and may be killed.
set -eu

lanectl promote "$GRAYLANE_LANE" --group="$GRAYLANE_GROUP" --namespace="$GRAYLANE_NAMESPACE" \
    --wait --timeout="$GRAYLANE_TIMEOUT"
lanectl status --namespace="$GRAYLANE_NAMESPACE"
