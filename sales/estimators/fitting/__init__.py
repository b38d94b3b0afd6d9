"""What fits share: the learning curve, and how a fit is spread over a cluster and watched there."""
