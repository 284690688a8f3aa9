package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"journeys/internal/dev/issuer"
	"journeys/internal/manifest"
)

// Probe makes a call that needs the authorizer, a function and the table, and
// returns an error unless it succeeds.
func Probe(ctx context.Context, baseURL string, tokens *issuer.Issuer) error {
	token, err := tokens.Token("ready", manifest.Admin, time.Now())
	if err != nil {
		return err
	}
	url := baseURL + manifest.BasePath + manifest.ListJourneys.Path
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("make the first call: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		body, err := io.ReadAll(io.LimitReader(response.Body, 1000))
		return errors.Join(fmt.Errorf("the first call answered %d: %s", response.StatusCode, body), err)
	}
	return nil
}
