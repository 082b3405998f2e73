// Package cli is what the programs of this module have in common at their edge:
// settings from the environment, secrets that do not print, errors as people
// read them, exit codes and the logger.
//
// It is the only package that knows kelseyhightower/envconfig, which parses the
// values. What that library lacks (see Load) is added here.
//
// All functions may be called from any goroutine.
package cli
