package main

import (
	"fmt"
	"regexp"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigatewayv2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscertificatemanager"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/jsii-runtime-go"
)

// The settings of the API's own domain name.
const (
	envDomain      = "JOURNEYS_DOMAIN"          // the name; optional. The API then has no other address
	envCertificate = "JOURNEYS_CERTIFICATE_ARN" // certificate of the domain, in the same region; required with a domain
	envTruststore  = "JOURNEYS_TRUSTSTORE"      // s3:// URI of the authorities whose client certificates the domain demands; optional
)

// truststoreForm matches the URI of an object; its groups are the bucket and the key.
var truststoreForm = regexp.MustCompile(`^s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/(.+)$`)

func checkTruststore(uri string) error {
	if uri == "" || truststoreForm.MatchString(uri) {
		return nil
	}
	return fmt.Errorf("%s is %q: want s3://<bucket>/<key>", envTruststore, uri)
}

// address returns the only address of the API, without a path.
func (st *stack) address() *string {
	if st.settings.domain != "" {
		return jsii.String("https://" + st.settings.domain)
	}
	return st.httpAPI().ApiEndpoint()
}

// addDomain gives the API a custom domain. The owner of the domain creates its
// DNS record, which points to the output DomainTarget.
func (st *stack) addDomain(api awsapigatewayv2.HttpApi) {
	domain := awsapigatewayv2.NewDomainName(st.scope, jsii.String("Domain"), &awsapigatewayv2.DomainNameProps{
		DomainName: jsii.String(st.settings.domain),
		Certificate: awscertificatemanager.Certificate_FromCertificateArn(
			st.scope, jsii.String("Certificate"), jsii.String(st.settings.certificate)),
		Mtls: st.mutualTLS(),
	})
	awsapigatewayv2.NewApiMapping(st.scope, jsii.String("DomainMapping"), &awsapigatewayv2.ApiMappingProps{
		Api: api, DomainName: domain, Stage: st.stage,
	})
	st.output("DomainTarget", domain.RegionalDomainName(), "The target of the domain's DNS record")
}

// mutualTLS returns the configuration that demands client certificates, nil if none
// is in the settings.
func (st *stack) mutualTLS() *awsapigatewayv2.MTLSConfig {
	if st.settings.truststore == "" {
		return nil
	}
	object := truststoreForm.FindStringSubmatch(st.settings.truststore)
	return &awsapigatewayv2.MTLSConfig{
		Bucket: awss3.Bucket_FromBucketName(st.scope, jsii.String("Truststore"), jsii.String(object[1])),
		Key:    jsii.String(object[2]),
	}
}
