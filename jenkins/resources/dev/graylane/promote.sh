# Makes the lane's version the baseline. The controller does it; this waits, and may be killed.
set -eu

set -- "$GRAYLANE_LANE" --group="$GRAYLANE_GROUP" --namespace="$GRAYLANE_NAMESPACE"
if [ "$GRAYLANE_FORCE_CONFLICTS" = true ]; then
    set -- "$@" --force-conflicts
fi
lanectl promote "$@" --wait --timeout="$GRAYLANE_TIMEOUT"
lanectl status --namespace="$GRAYLANE_NAMESPACE"
