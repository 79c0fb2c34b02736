package main

import (
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/bluefin-hpo/bluefin/storage/remote"
)

// The environment variables that hold the token of a server, and the name of a file that has it.
// Flags would show it to everyone on the machine.
const (
	tokenVar     = "BLUEFIN_TOKEN"
	tokenFileVar = "BLUEFIN_TOKEN_FILE"
)

// wantToken adds to the error for a missing token, or an unknown certificate, where this program looks for it.
func wantToken(err error) error {
	switch {
	case errors.Is(err, remote.ErrToken):
		return fmt.Errorf("%w: set %s, or %s to the name of a file with it", err, tokenVar, tokenFileVar)
	case errors.As(err, new(x509.UnknownAuthorityError)):
		return fmt.Errorf("%w: set SSL_CERT_FILE to the name of a file with the authority's certificate", err)
	}
	return err
}

// serverToken returns the token for a server, "" if there is none.
func serverToken() (string, error) {
	token, from := os.Getenv(tokenVar), tokenVar
	if path := os.Getenv(tokenFileVar); token == "" && path != "" {
		text, err := os.ReadFile(path)
		if err != nil {
			return "", fmt.Errorf("%s: %w", tokenFileVar, err)
		}
		if token, from = strings.TrimSpace(string(text)), tokenFileVar; token == "" {
			return "", fmt.Errorf("%s: %s is empty, want a token", tokenFileVar, path)
		}
	}
	if strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", fmt.Errorf("the token of %s has spaces or characters that are not ASCII, want one word", from)
	}
	return token, nil
}
