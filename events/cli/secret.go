package cli

import "github.com/moothall/moothall/events"

// A Secret is a setting that is never printed and may come from a file, see Load.
type Secret = events.Secret
