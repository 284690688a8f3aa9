package api

import (
	"journeys/internal/auth"
	"journeys/internal/journey"
)

// authorBody is an author in an answer.
type authorBody struct {
	Subject string `json:"sub"`
	Name    string `json:"name,omitzero"`
}

// newAuthorBody returns nil for an unknown author.
func newAuthorBody(by journey.Author) *authorBody {
	if by == (journey.Author{}) {
		return nil
	}
	return &authorBody{by.Subject, by.Name}
}

// author returns the caller as the author of a change.
func (r *request) author() journey.Author {
	caller := auth.FromContext(r.Context())
	return journey.Author{Subject: caller.Subject, Name: caller.Name}
}
