package jobs

import (
	"github.com/nats-io/nkeys"

	"github.com/moothall/moothall/events"
)

func checkOwner(owner string) error {
	if owner == "" || nkeys.IsValidPublicUserKey(owner) {
		return nil
	}
	return events.Errorf(events.CodeInvalid, "the owner %.80q is no public key of a user", owner)
}

// A claim is what a client that wants to act on a job brings: it is the peer that
// started it, or its owner has signed for it.
type claim struct {
	proof     events.JobProof
	signature string
}

// allows reports whether a claim gives the right to act on a job.
func (j *job) allows(c claim) bool {
	if c.proof.From == j.client {
		return true
	}
	return j.owner != "" && c.proof.Nonce != "" && c.proof.Verify(j.owner, c.signature) == nil
}
