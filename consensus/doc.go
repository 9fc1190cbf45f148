// Package consensus makes a deterministic state machine durable and replicated.
package consensus
