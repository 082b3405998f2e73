//go:build !sim

package events

func fits(nkey, text string, sig []byte) error { return compute(nkey, text, sig) }
