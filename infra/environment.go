package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"journeys/internal/manifest"
	"journeys/internal/provider"
)

const (
	// environmentLimit is the most bytes that Lambda takes of the variables of a
	// function. It measures them as JSON: see "String measured" in its error.
	environmentLimit = 4096
	// unknownSize is room for a value that is known at the deployment only: the name of
	// the table or of a function, or what a user pool of the stack gives.
	unknownSize = 128
)

// checkSecrets refuses secrets that would stand in the template.
func checkSecrets(s provider.Settings) error {
	plain := s.PlainSecrets()
	if len(plain) == 0 {
		return nil
	}
	return fmt.Errorf("%s: the template would show the secrets themselves at %s: keep each in SSM Parameter Store or "+
		`Secrets Manager, and set "ssm:<name>" or "secretsmanager:<name>" instead (docs/deployment.md, Secrets)`,
		manifest.EnvProviders, strings.Join(plain, ", "))
}

// checkSecretARNs refuses secrets of another partition, region or account than those of
// the stack, of which the CDK CLI names what it knows. advance asks the stores of its own
// region, and its role may read in its own account.
func checkSecretARNs(list []provider.NamedARN, getenv func(string) string) error {
	region, account := getenv(envRegion), getenv(envAccount)
	var errs []error
	for _, secret := range list {
		part := strings.Split(secret.ARN, ":") // arn, partition, service, region, account
		fault := func(what, is, want string) {
			errs = append(errs, fmt.Errorf("%s: %s is in %s %s, and the stack in %s", manifest.EnvProviders, secret.At, what, is, want))
		}
		switch {
		case region != "" && part[3] != region:
			fault("region", part[3], region)
		case part[1] != partition(part[3]):
			fault("partition", part[1], partition(part[3]))
		case account != "" && part[4] != account:
			fault("account", part[4], account)
		}
	}
	return errors.Join(errs...)
}

// partition returns the partition of a public region.
func partition(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}

// checkEnvironments refuses variables that Lambda does not take, of functions with the
// same ones together.
func (s settings) checkEnvironments() error {
	if with, err := s.withMailSet(stackName(prodStage)); err == nil { // faults have errors of their own
		s = with
	}
	functions := map[string][]string{} // their names, by fault
	var faults []string
	for _, f := range manifest.Functions() {
		fault := s.environmentFault(f)
		if fault == "" || f.Name == manifest.Console.Name && !s.console {
			continue
		}
		if functions[fault] == nil {
			faults = append(faults, fault)
		}
		functions[fault] = append(functions[fault], f.Name)
	}
	var errs []error
	for _, fault := range faults {
		errs = append(errs, fmt.Errorf("the environment of %s %s", strings.Join(functions[fault], ", "), fault))
	}
	return errors.Join(errs...)
}

// environmentFault returns what is wrong with the size of the function's environment;
// "" if it fits.
func (s settings) environmentFault(f manifest.Function) string {
	type variable struct {
		name string
		size int
	}
	var variables []variable
	total := len("{}")
	for _, name := range f.Env {
		size := unknownSize
		if value := s.functions[name]; value != "" {
			size = quotedSize(value)
		}
		size += quotedSize(name) + len(":,")
		total += size
		variables = append(variables, variable{name, size})
	}
	if total <= environmentLimit {
		return ""
	}
	slices.SortFunc(variables, func(a, b variable) int { return cmp.Compare(b.size, a.size) })
	var sizes []string
	for _, v := range variables {
		sizes = append(sizes, fmt.Sprintf("%s %d", v.name, v.size))
	}
	return fmt.Sprintf("has up to %d bytes as JSON, and Lambda takes %d: %s (docs/deployment.md, Sizes)",
		total, environmentLimit, strings.Join(sizes, ", "))
}

// quotedSize returns the bytes of a text as a JSON string.
func quotedSize(text string) int {
	quoted, _ := jsontext.AppendQuote(nil, text) // what is not UTF-8 is replaced
	return len(quoted)
}
