# Rolls out the gray version of one service, then opens its lane.
set -eu

with_image() {
    kubectl set image --local --filename="$GRAYLANE_MANIFEST" "$GRAYLANE_CONTAINER=$GRAYLANE_IMAGE" --output="$1"
}

# Looked at before anything is applied: pods without the lane's mark would serve everybody.
mark=$(with_image 'jsonpath={.spec.template.metadata.labels.graylane\.dev/lane}')
if [ "$mark" != "$GRAYLANE_LANE" ]; then
    echo "the pods of $GRAYLANE_MANIFEST are marked \"$mark\", not \"$GRAYLANE_LANE\":" \
        "set spec.template.metadata.labels[\"graylane.dev/lane\"] to \"$GRAYLANE_LANE\"" >&2
    exit 4
fi

# The Deployment carries the mark as well, so that a rollback finds it without the manifest.
manifest=$(with_image yaml)
manifest=$(printf '%s\n' "$manifest" |
    kubectl label --local --filename=- --overwrite "graylane.dev/lane=$GRAYLANE_LANE" --output=yaml)
printf '%s\n' "$manifest" | kubectl apply --namespace="$GRAYLANE_NAMESPACE" --filename=-

# What ended the lane before has scaled it to 0, and a manifest that names no number leaves it so.
if [ -z "$(with_image 'jsonpath={.spec.replicas}')" ]; then
    replicas=$(kubectl get --namespace="$GRAYLANE_NAMESPACE" --filename="$GRAYLANE_MANIFEST" \
        --output='jsonpath={.spec.replicas}')
    if [ "$replicas" = 0 ]; then
        kubectl scale --namespace="$GRAYLANE_NAMESPACE" --filename="$GRAYLANE_MANIFEST" --replicas=1
    fi
fi
kubectl rollout status --namespace="$GRAYLANE_NAMESPACE" --filename="$GRAYLANE_MANIFEST" \
    --timeout="$GRAYLANE_ROLLOUT"

lanectl set-lane "$GRAYLANE_LANE" --header="$GRAYLANE_HEADER" --group="$GRAYLANE_GROUP" \
    --namespace="$GRAYLANE_NAMESPACE" --wait --timeout="$GRAYLANE_TIMEOUT"
lanectl status --namespace="$GRAYLANE_NAMESPACE"
