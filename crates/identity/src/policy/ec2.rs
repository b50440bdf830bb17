//! EC2 credentials.

::policy::rules! {
    /// Show ec2 credential details.
    EC2_GET_CREDENTIAL = "identity:ec2_get_credential",
        "(rule:admin_required) or (role:reader and system_scope:all) or user_id:%(target.credential.user_id)s",
        [System, Project],
        GET "/v3/users/{user_id}/credentials/OS-EC2/{credential_id}";
    /// List ec2 credentials.
    EC2_LIST_CREDENTIALS = "identity:ec2_list_credentials",
        "(rule:admin_required) or (role:reader and system_scope:all) or rule:owner",
        [System, Project],
        GET "/v3/users/{user_id}/credentials/OS-EC2";
    /// Create ec2 credential.
    EC2_CREATE_CREDENTIAL = "identity:ec2_create_credential",
        "(rule:admin_required) or (role:member and user_id:%(target.credential.user_id)s)",
        [System, Project],
        POST "/v3/users/{user_id}/credentials/OS-EC2";
    /// Delete ec2 credential.
    EC2_DELETE_CREDENTIAL = "identity:ec2_delete_credential",
        "(rule:admin_required) or (role:member and user_id:%(target.credential.user_id)s)",
        [System, Project],
        DELETE "/v3/users/{user_id}/credentials/OS-EC2/{credential_id}";
    /// Validate EC2 credentials and create a Keystone token. Restricted to service users or administrators.
    EC2TOKENS_VALIDATE = "identity:ec2tokens_validate", "rule:service_or_admin", [System, Domain, Project],
        POST "/v3/ec2tokens";
    /// Validate S3 credentials and create a Keystone token. Restricted to service users or administrators to prevent exploitation via presigned URLs.
    S3TOKENS_VALIDATE = "identity:s3tokens_validate", "rule:service_or_admin", [System, Domain, Project],
        POST "/v3/s3tokens";
}
