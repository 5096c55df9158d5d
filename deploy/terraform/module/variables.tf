# What a user can say. The names are upper case because those of the sample are, and a sample user's values mean the
# same here. `deploy/terraform/variables.tf` is a link to this file: the root takes what the module takes.

# --- The mapping ---------------------------------------------------------------------------------------------------

variable "PLAN" {
  description = "What `nameplate plan MAPPING --tfvars nameplate.auto.tfvars.json` wrote: the hosted zones, records and certificates that the mapping needs. Required."
  nullable    = false
  type = object({
    format  = number
    mapping = object({ version = string, sha256 = string, entries = number, domains = number })
    hosted_zones = list(object({
      name    = string
      records = list(string)
      domains = number
    }))
    certificates = list(object({
      id              = string
      names           = list(string)
      validation_zone = string
    }))
    import_names        = list(string)
    default_certificate = optional(string)
    regions             = list(string)
    api_ids             = map(list(string))
    endpoints           = list(string)
    longest_timeout     = optional(number)
    resource_policies = list(object({
      api_id    = string
      region    = string
      endpoints = list(string)
      policy    = string
    }))
    quotas   = map(number)
    used     = map(number)
    warnings = list(object({ about = string, what = string, name = optional(string), help = optional(string) }))
  })

  validation {
    condition     = var.PLAN.format == 1
    error_message = "PLAN has format ${var.PLAN.format}, and this module reads format 1. Write the plan again with the nameplate of this release: nameplate plan mapping.yaml --state nameplate.auto.tfvars.json --tfvars nameplate.auto.tfvars.json"
  }
  validation {
    condition     = length(distinct(var.PLAN.certificates[*].id)) == length(var.PLAN.certificates) && length(distinct(var.PLAN.hosted_zones[*].name)) == length(var.PLAN.hosted_zones)
    error_message = "PLAN names a certificate's id or a hosted zone twice. It was edited by hand: take back the file as it was, and write it again: nameplate plan mapping.yaml --state nameplate.auto.tfvars.json --tfvars nameplate.auto.tfvars.json"
  }
  validation {
    condition     = var.PLAN.default_certificate == null || contains(var.PLAN.certificates[*].id, coalesce(var.PLAN.default_certificate, "none"))
    error_message = "PLAN.default_certificate is none of PLAN.certificates. It was edited by hand: take back the file as it was, and write it again: nameplate plan mapping.yaml --state nameplate.auto.tfvars.json --tfvars nameplate.auto.tfvars.json"
  }
}

variable "PROXY_CONFIG_PATH" {
  description = "The mapping file. A relative path starts at the root module's folder. Default: the sample mapping of this repository."
  type        = string
  nullable    = false
  default     = "../../conf/mapping.yaml"

  validation {
    condition     = length(var.PROXY_CONFIG_PATH) > 0
    error_message = "PROXY_CONFIG_PATH is empty. Name the mapping file, for example ../../conf/mapping.yaml."
  }
}

variable "MAPPING_PREFIX" {
  description = "Tasks read a mapping in parts: every object below this prefix of the mapping's bucket, such as `mapping`. The pipeline or somebody uploads the parts, and PROXY_CONFIG_PATH is not used. Default: one object, mapping.yaml."
  type        = string
  default     = null

  validation {
    condition     = var.MAPPING_PREFIX == null || can(regex("^[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$", var.MAPPING_PREFIX))
    error_message = "MAPPING_PREFIX is \"${coalesce(var.MAPPING_PREFIX, " ")}\". Name the folder of the parts in the bucket without slashes at its ends, for example mapping: letters, digits, `_`, `-`, `.` and, inside, `/`."
  }
  validation {
    condition     = var.MAPPING_PREFIX == null || var.MAPPING_SOURCE == "s3"
    error_message = "MAPPING_PREFIX is set, and MAPPING_SOURCE is appconfig, which brings one document. Leave one of the two out."
  }
}

# --- Names ---------------------------------------------------------------------------------------------------------

variable "APP_ENVIRONMENT" {
  description = "The environment; with APP_NAME the prefix of all names. Default: dev."
  type        = string
  nullable    = false
  default     = "dev"

  validation {
    condition     = can(regex("^[a-z0-9]+(-[a-z0-9]+)*$", var.APP_ENVIRONMENT))
    error_message = "APP_ENVIRONMENT may have a-z, 0-9 and single hyphens between them, for example dev or prod-2."
  }
}

variable "APP_NAME" {
  description = "The application; `APP_NAME-APP_ENVIRONMENT` is the prefix of all names and has at most 24 characters. Default: reverse-proxy."
  type        = string
  nullable    = false
  default     = "reverse-proxy"

  validation {
    condition     = can(regex("^[a-z]([a-z0-9]|-[a-z0-9])*$", var.APP_NAME))
    error_message = "APP_NAME may have a-z, 0-9 and single hyphens between them, and begins with a letter, for example reverse-proxy."
  }
  validation {
    condition     = length("${var.APP_NAME}-${var.APP_ENVIRONMENT}") <= 24
    error_message = "APP_NAME-APP_ENVIRONMENT is `${var.APP_NAME}-${var.APP_ENVIRONMENT}`, ${length("${var.APP_NAME}-${var.APP_ENVIRONMENT}")} characters; at most 24 fit, because a target group's name has 32. Shorten one of the two: names are never cut."
  }
  validation {
    condition     = !startswith("${var.APP_NAME}-", "internal-")
    error_message = "A load balancer's name must not begin with `internal-`. Choose another APP_NAME."
  }
}

variable "TAGS" {
  description = "Tags for everything, beside Application and Environment. Default: none."
  type        = map(string)
  nullable    = false
  default     = {}

  validation {
    condition     = length(var.TAGS) <= 45 && alltrue([for key in keys(var.TAGS) : !startswith(lower(key), "aws:")])
    error_message = "TAGS may have 45 keys, and none may begin with `aws:`."
  }
}

# --- Rules of an organisation --------------------------------------------------------------------------------------

variable "EXISTING_BUCKET" {
  description = "A bucket of yours for the mapping, in this account and region, in place of the one that is made; versioned, and for this stack alone. Default: none."
  type        = string
  default     = null

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", coalesce(var.EXISTING_BUCKET, "bucket")))
    error_message = "EXISTING_BUCKET must be a bucket's name, without s3:// and without a key, for example platform-nameplate-prod."
  }
}

variable "EXISTING_CLUSTER" {
  description = "The name of an ECS cluster of yours, in this account and region, in place of the one that is made. Default: none."
  type        = string
  default     = null

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,255}$", coalesce(var.EXISTING_CLUSTER, "cluster")))
    error_message = "EXISTING_CLUSTER must be an ECS cluster's name, not its ARN, for example platform."
  }
}

variable "EXECUTION_ROLE_ARN" {
  description = "A role of yours that ECS starts tasks with, in place of the one that is made; docs/deploy.md has its permissions. Default: none."
  type        = string
  default     = null

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]+$", coalesce(var.EXECUTION_ROLE_ARN, "arn:aws:iam::111122223333:role/role")))
    error_message = "EXECUTION_ROLE_ARN must be an IAM role's ARN, for example arn:aws:iam::111122223333:role/nameplate-execution."
  }
}

variable "TASK_ROLE_ARN" {
  description = "A role of yours that tasks have, in place of the one that is made; docs/deploy.md has its permissions. Default: none."
  type        = string
  default     = null

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]+$", coalesce(var.TASK_ROLE_ARN, "arn:aws:iam::111122223333:role/role")))
    error_message = "TASK_ROLE_ARN must be an IAM role's ARN, for example arn:aws:iam::111122223333:role/nameplate-task."
  }
}

variable "PERMISSIONS_BOUNDARY_ARN" {
  description = "The permissions boundary of every role that is made. Default: none."
  type        = string
  default     = null

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/[A-Za-z0-9+=,.@_/-]+$", coalesce(var.PERMISSIONS_BOUNDARY_ARN, "arn:aws:iam::111122223333:policy/boundary")))
    error_message = "PERMISSIONS_BOUNDARY_ARN must be an IAM policy's ARN, for example arn:aws:iam::111122223333:policy/boundary."
  }
}

variable "IAM_PATH" {
  description = "The path of every role that is made. Default: /."
  type        = string
  nullable    = false
  default     = "/"

  validation {
    condition     = can(regex("^/([A-Za-z0-9+=,.@_-]+/)*$", var.IAM_PATH)) && length(var.IAM_PATH) <= 512
    error_message = "IAM_PATH must begin and end with a slash, for example /platform/nameplate/."
  }
}

variable "LOGS_KMS_KEY_ARN" {
  description = "A KMS key of yours for the log groups, in the stack's region; its policy lets logs.REGION.amazonaws.com use it. Default: none, AWS's own key."
  type        = string
  default     = null

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[0-9a-zA-Z-]+$", coalesce(var.LOGS_KMS_KEY_ARN, "arn:aws:kms:eu-west-1:111122223333:key/0")))
    error_message = "LOGS_KMS_KEY_ARN must be a KMS key's ARN, not an alias's, for example arn:aws:kms:eu-west-1:111122223333:key/01234567-89ab-cdef-0123-456789abcdef."
  }
}

variable "ECR_KMS_KEY_ARN" {
  description = "A KMS key of yours for the ECR repository, in the stack's region; a change of it replaces the repository. Default: none, AWS's own key."
  type        = string
  default     = null

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[0-9a-zA-Z-]+$", coalesce(var.ECR_KMS_KEY_ARN, "arn:aws:kms:eu-west-1:111122223333:key/0")))
    error_message = "ECR_KMS_KEY_ARN must be a KMS key's ARN, not an alias's, for example arn:aws:kms:eu-west-1:111122223333:key/01234567-89ab-cdef-0123-456789abcdef."
  }
}

variable "S3_KMS_KEY_ARN" {
  description = "A KMS key of yours for the mapping, in the stack's region; the task role may decrypt with it. Default: none, AWS's own key."
  type        = string
  default     = null

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[0-9a-zA-Z-]+$", coalesce(var.S3_KMS_KEY_ARN, "arn:aws:kms:eu-west-1:111122223333:key/0")))
    error_message = "S3_KMS_KEY_ARN must be a KMS key's ARN, not an alias's, for example arn:aws:kms:eu-west-1:111122223333:key/01234567-89ab-cdef-0123-456789abcdef."
  }
}

# --- Network -------------------------------------------------------------------------------------------------------

variable "CREATE_VPC" {
  description = "Make a VPC (true), or use EXTERNAL_VPC_ID (false). Default: true."
  type        = bool
  nullable    = false
  default     = true
}

variable "VPC_CIDR" {
  description = "The CIDR of the VPC that is made, /16 to /24. Default: 10.0.0.0/16."
  type        = string
  nullable    = false
  default     = "10.0.0.0/16"

  validation {
    condition     = can(cidrnetmask(var.VPC_CIDR)) && try(tonumber(split("/", var.VPC_CIDR)[1]) >= 16 && tonumber(split("/", var.VPC_CIDR)[1]) <= 24, false)
    error_message = "VPC_CIDR must be an IPv4 CIDR from /16 to /24, for example 10.0.0.0/16: each subnet gets a sixteenth of it, and AWS has none smaller than /28."
  }
  validation {
    condition     = var.ELB_TYPE != "ALB" || try(tonumber(split("/", var.VPC_CIDR)[1]) <= 23, true)
    error_message = "With ELB_TYPE ALB, VPC_CIDR must be /23 or larger: an ALB needs subnets of /27 or more, and each subnet gets a sixteenth of the VPC."
  }
}

variable "AVAILABILITY_ZONES" {
  description = "Names of two or three Availability Zones for the VPC that is made. Default: the first two that have Fargate and the endpoint services."
  type        = list(string)
  nullable    = false
  default     = []

  validation {
    condition     = contains([0, 2, 3], length(var.AVAILABILITY_ZONES)) && length(distinct(var.AVAILABILITY_ZONES)) == length(var.AVAILABILITY_ZONES)
    error_message = "AVAILABILITY_ZONES must name two or three different zones, for example [\"eu-west-1a\", \"eu-west-1b\"], or be empty for the first two that have Fargate and the endpoint services."
  }
  validation {
    condition     = alltrue([for zone in var.AVAILABILITY_ZONES : can(regex("^[a-z]{2}(-[a-z]+)+-[0-9][a-z]$", zone))])
    error_message = "AVAILABILITY_ZONES has something that is no zone's name; one looks like eu-west-1a."
  }
}

variable "PUBLIC_SUBNETS" {
  description = "Add public subnets and an internet gateway to the VPC that is made. Nameplate uses neither. Default: false."
  type        = bool
  nullable    = false
  default     = false
}

variable "FLOW_LOGS" {
  description = "Write flow logs of the VPC that is made, to CloudWatch Logs. Default: true."
  type        = bool
  nullable    = false
  default     = true
}

variable "EXTERNAL_VPC_ID" {
  description = "The existing VPC. Required when CREATE_VPC is false."
  type        = string
  default     = null

  validation {
    condition     = can(regex("^vpc-[0-9a-f]{8,17}$", coalesce(var.EXTERNAL_VPC_ID, "vpc-00000000")))
    error_message = "EXTERNAL_VPC_ID must be a VPC's id, for example vpc-0123456789abcdef0."
  }
  validation {
    condition     = var.CREATE_VPC || var.EXTERNAL_VPC_ID != null
    error_message = "CREATE_VPC is false, so EXTERNAL_VPC_ID must name the existing VPC."
  }
}

variable "VPC_SECONDARY_CIDRS" {
  description = "Further IPv4 CIDRs of the existing VPC: their clients may call as those of the first one may. Default: none."
  type        = list(string)
  nullable    = false
  default     = []

  validation {
    condition     = alltrue([for cidr in var.VPC_SECONDARY_CIDRS : can(cidrnetmask(cidr))]) && length(distinct(var.VPC_SECONDARY_CIDRS)) == length(var.VPC_SECONDARY_CIDRS)
    error_message = "VPC_SECONDARY_CIDRS must list different IPv4 CIDRs, for example [\"100.64.0.0/16\"]."
  }
  validation {
    condition     = !var.CREATE_VPC || length(var.VPC_SECONDARY_CIDRS) == 0
    error_message = "A VPC that is made has one CIDR, VPC_CIDR: VPC_SECONDARY_CIDRS goes with CREATE_VPC = false."
  }
}

variable "DNS_SERVER_CIDRS" {
  description = "IPv4 CIDRs of DNS servers that the VPC's DHCP options name in place of Amazon's: tasks may ask them on port 53, UDP and TCP. Default: none."
  type        = list(string)
  nullable    = false
  default     = []

  validation {
    condition     = alltrue([for cidr in var.DNS_SERVER_CIDRS : can(cidrnetmask(cidr))]) && length(distinct(var.DNS_SERVER_CIDRS)) == length(var.DNS_SERVER_CIDRS)
    error_message = "DNS_SERVER_CIDRS must list different IPv4 CIDRs, for example [\"10.0.0.10/32\"]."
  }
  validation {
    condition     = length(var.DNS_SERVER_CIDRS) == 0 || var.EXTERNAL_FARGATE_SG_ID == null
    error_message = "DNS_SERVER_CIDRS adds rules to the tasks' security group that is made, and EXTERNAL_FARGATE_SG_ID is used as it is. Leave DNS_SERVER_CIDRS out, and let your group reach port 53 of the servers, UDP and TCP."
  }
}

variable "EXTERNAL_PRIVATE_SUBNETS_ID" {
  description = "Private subnets of the existing VPC, two or more, in different Availability Zones. Required when CREATE_VPC is false. Default: none."
  type        = list(string)
  nullable    = false
  default     = []

  validation {
    condition     = alltrue([for id in var.EXTERNAL_PRIVATE_SUBNETS_ID : can(regex("^subnet-[0-9a-f]{8,17}$", id))])
    error_message = "EXTERNAL_PRIVATE_SUBNETS_ID must list subnets' ids, for example [\"subnet-0123456789abcdef0\", \"subnet-0fedcba9876543210\"]."
  }
  validation {
    condition     = var.CREATE_VPC || length(distinct(var.EXTERNAL_PRIVATE_SUBNETS_ID)) >= 2
    error_message = "CREATE_VPC is false, so EXTERNAL_PRIVATE_SUBNETS_ID must list at least two private subnets, in different Availability Zones."
  }
}

variable "ROUTE_TABLE_IDS" {
  description = "Existing VPC: the private subnets' route tables, which the S3 gateway endpoint goes into. Required when CREATE_VPC is false and EXISTING_ENDPOINTS has no s3. Default: none."
  type        = list(string)
  nullable    = false
  default     = []

  validation {
    condition     = alltrue([for id in var.ROUTE_TABLE_IDS : can(regex("^rtb-[0-9a-f]{8,17}$", id))])
    error_message = "ROUTE_TABLE_IDS must list route tables' ids, for example [\"rtb-0123456789abcdef0\"]."
  }
  validation {
    condition     = var.CREATE_VPC || length(var.ROUTE_TABLE_IDS) > 0 || contains(keys(var.EXISTING_ENDPOINTS), "s3")
    error_message = "CREATE_VPC is false and the VPC is to get an S3 gateway endpoint: list the private subnets' route tables in ROUTE_TABLE_IDS, or name the endpoint that is there in EXISTING_ENDPOINTS (s3 = \"vpce-...\")."
  }
}

variable "EXISTING_ENDPOINTS" {
  description = "VPC endpoints that the existing VPC has already, service to id; only those missing are made. Keys: execute-api, logs, ecr.api, ecr.dkr, s3, ssmmessages, appconfigdata. Default: none."
  type        = map(string)
  nullable    = false
  default     = {}

  validation {
    condition     = alltrue([for service in keys(var.EXISTING_ENDPOINTS) : contains(["execute-api", "logs", "ecr.api", "ecr.dkr", "s3", "ssmmessages", "appconfigdata"], service)])
    error_message = "EXISTING_ENDPOINTS has a service that is not needed. Its keys are execute-api, logs, ecr.api, ecr.dkr, s3, ssmmessages and appconfigdata."
  }
  validation {
    condition     = alltrue([for id in values(var.EXISTING_ENDPOINTS) : can(regex("^vpce-[0-9a-f]{8,17}$", id))])
    error_message = "EXISTING_ENDPOINTS must have VPC endpoints' ids as values, for example { execute-api = \"vpce-0123456789abcdef0\" }."
  }
  validation {
    condition     = !var.CREATE_VPC || length(var.EXISTING_ENDPOINTS) == 0
    error_message = "A VPC that is made has no endpoints yet: EXISTING_ENDPOINTS goes with CREATE_VPC = false."
  }
}

variable "EXECUTE_API_PRIVATE_DNS" {
  description = "Private DNS on the execute-api endpoint that is made. The whole VPC then reaches execute-api names through it, and no public API of the region any more. Nameplate does not need it. Default: false."
  type        = bool
  nullable    = false
  default     = false

  validation {
    condition     = !var.EXECUTE_API_PRIVATE_DNS || !contains(keys(var.EXISTING_ENDPOINTS), "execute-api")
    error_message = "EXECUTE_API_PRIVATE_DNS is true, and EXISTING_ENDPOINTS has execute-api, which is not changed here. Leave one of the two out; to change the existing endpoint: aws ec2 modify-vpc-endpoint --vpc-endpoint-id VPCE --private-dns-enabled"
  }
}

variable "EXTERNAL_ALB_SG_ID" {
  description = "A security group for the load balancer, of either type, in place of the one that is made. Default: none."
  type        = string
  default     = null

  validation {
    condition     = can(regex("^sg-[0-9a-f]{8,17}$", coalesce(var.EXTERNAL_ALB_SG_ID, "sg-00000000")))
    error_message = "EXTERNAL_ALB_SG_ID must be a security group's id, for example sg-0123456789abcdef0."
  }
  validation {
    condition     = var.EXISTING_ELB_ARN == null || var.EXTERNAL_ALB_SG_ID != null
    error_message = "EXISTING_ELB_ARN is set and EXTERNAL_ALB_SG_ID is missing: tasks let in the load balancer by its security group. An NLB without one cannot be used, and gets none later: make another."
  }
}

variable "EXTERNAL_ENDPOINT_SG_ID" {
  description = "A security group for the VPC endpoints in place of the one that is made; that of the EXISTING_ENDPOINTS, where there are some. Default: none."
  type        = string
  default     = null

  validation {
    condition     = can(regex("^sg-[0-9a-f]{8,17}$", coalesce(var.EXTERNAL_ENDPOINT_SG_ID, "sg-00000000")))
    error_message = "EXTERNAL_ENDPOINT_SG_ID must be a security group's id, for example sg-0123456789abcdef0."
  }
}

variable "EXTERNAL_FARGATE_SG_ID" {
  description = "A security group for the tasks in place of the one that is made. Default: none."
  type        = string
  default     = null

  validation {
    condition     = can(regex("^sg-[0-9a-f]{8,17}$", coalesce(var.EXTERNAL_FARGATE_SG_ID, "sg-00000000")))
    error_message = "EXTERNAL_FARGATE_SG_ID must be a security group's id, for example sg-0123456789abcdef0."
  }
}

# --- Load balancer -------------------------------------------------------------------------------------------------

variable "ELB_TYPE" {
  description = "NLB or ALB. Default: NLB."
  type        = string
  nullable    = false
  default     = "NLB"

  validation {
    condition     = contains(["NLB", "ALB"], var.ELB_TYPE)
    error_message = "ELB_TYPE must be NLB or ALB."
  }
}

variable "EXISTING_ELB_ARN" {
  description = "An NLB or ALB of yours, in the existing VPC, in place of the one that is made. EXTERNAL_ALB_SG_ID is its security group. Default: none."
  type        = string
  default     = null

  validation {
    condition     = var.EXISTING_ELB_ARN == null || can(regex("^arn:aws[a-z-]*:elasticloadbalancing:[a-z0-9-]+:[0-9]{12}:loadbalancer/(app|net)/[A-Za-z0-9-]{1,32}/[0-9a-f]+$", var.EXISTING_ELB_ARN))
    error_message = "EXISTING_ELB_ARN must be the ARN of an NLB or ALB, for example arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/net/platform/0123456789abcdef."
  }
  validation {
    condition     = var.EXISTING_ELB_ARN == null || strcontains(coalesce(var.EXISTING_ELB_ARN, "-"), var.ELB_TYPE == "NLB" ? ":loadbalancer/net/" : ":loadbalancer/app/")
    error_message = "EXISTING_ELB_ARN is no ${var.ELB_TYPE}, and ELB_TYPE says that it is. Set ELB_TYPE, and make the plan with --elb of the same type."
  }
  validation {
    condition     = var.EXISTING_ELB_ARN == null || !var.CREATE_VPC
    error_message = "EXISTING_ELB_ARN is set and CREATE_VPC is true: a load balancer reaches tasks of its own VPC. Set CREATE_VPC = false, and EXTERNAL_VPC_ID to the VPC that it is in."
  }
}

variable "EXISTING_LISTENER_ARN" {
  description = "An HTTPS listener of the existing ALB in place of the one that is made; rules by host lead from it to tasks. Default: none."
  type        = string
  default     = null

  validation {
    condition     = var.EXISTING_LISTENER_ARN == null || var.ELB_TYPE == "ALB"
    error_message = "EXISTING_LISTENER_ARN is set and ELB_TYPE is ${var.ELB_TYPE}: a listener of an NLB has no rules, and leads to one target group. Leave it out: a listener on port 443 is made."
  }
  validation {
    condition     = var.EXISTING_LISTENER_ARN == null || startswith(coalesce(var.EXISTING_LISTENER_ARN, "-"), "${replace(coalesce(var.EXISTING_ELB_ARN, "none"), ":loadbalancer/", ":listener/")}/")
    error_message = "EXISTING_LISTENER_ARN must be the ARN of a listener of EXISTING_ELB_ARN: aws elbv2 describe-listeners --load-balancer-arn ${coalesce(var.EXISTING_ELB_ARN, "ARN")} --query Listeners[].[ListenerArn,Port,Protocol]"
  }
}

variable "LISTENER_RULE_PRIORITIES" {
  description = "Hosted zone of PLAN to the priority of its rule in EXISTING_LISTENER_ARN, 1 to 50000: all of the plan's zones. A zone with more than 5 records takes the next priorities too. Default: none."
  type        = map(number)
  nullable    = false
  default     = {}

  validation {
    condition     = alltrue([for priority in values(var.LISTENER_RULE_PRIORITIES) : priority >= 1 && priority <= 50000 && floor(priority) == priority])
    error_message = "LISTENER_RULE_PRIORITIES must be whole numbers from 1 to 50000."
  }
  validation {
    condition     = length(var.LISTENER_RULE_PRIORITIES) == 0 || var.EXISTING_LISTENER_ARN != null
    error_message = "LISTENER_RULE_PRIORITIES is set and EXISTING_LISTENER_ARN is not: a listener that is made needs no rules. Leave it out."
  }
  validation {
    condition     = var.EXISTING_LISTENER_ARN == null || length(setsubtract(var.PLAN.hosted_zones[*].name, keys(var.LISTENER_RULE_PRIORITIES))) == 0
    error_message = "LISTENER_RULE_PRIORITIES lacks ${join(", ", setsubtract(var.PLAN.hosted_zones[*].name, keys(var.LISTENER_RULE_PRIORITIES)))}. Give each zone of the plan a priority that no rule has: aws elbv2 describe-rules --listener-arn ${coalesce(var.EXISTING_LISTENER_ARN, "ARN")} --query Rules[].Priority"
  }
  validation {
    condition = length(flatten([
      for zone in var.PLAN.hosted_zones : range(ceil(length(zone.records) / 5)) if contains(keys(var.LISTENER_RULE_PRIORITIES), zone.name)
      ])) == length(distinct(flatten([
        for zone in var.PLAN.hosted_zones : [for index in range(ceil(length(zone.records) / 5)) : var.LISTENER_RULE_PRIORITIES[zone.name] + index] if contains(keys(var.LISTENER_RULE_PRIORITIES), zone.name)
    ])))
    error_message = "LISTENER_RULE_PRIORITIES gives two rules one priority: a zone takes one for every 5 of its records. Leave enough between them."
  }
}

variable "CLIENT_CIDRS" {
  description = "IPv4 networks that may call the load balancer. Default: the VPC's own CIDRs, unless CLIENT_PREFIX_LIST_IDS or CLIENT_SECURITY_GROUP_IDS say who may."
  type        = list(string)
  nullable    = false
  default     = []

  validation {
    condition     = alltrue([for cidr in var.CLIENT_CIDRS : can(cidrnetmask(cidr))])
    error_message = "CLIENT_CIDRS must list IPv4 CIDRs, for example [\"10.0.0.0/8\"]."
  }
  validation {
    condition     = length(distinct(var.CLIENT_CIDRS)) == length(var.CLIENT_CIDRS)
    error_message = "CLIENT_CIDRS lists a network twice."
  }
}

variable "CLIENT_PREFIX_LIST_IDS" {
  description = "Managed prefix lists whose networks may call the load balancer, beside CLIENT_CIDRS. Default: none."
  type        = list(string)
  nullable    = false
  default     = []

  validation {
    condition     = alltrue([for id in var.CLIENT_PREFIX_LIST_IDS : can(regex("^pl-[0-9a-f]{8,17}$", id))]) && length(distinct(var.CLIENT_PREFIX_LIST_IDS)) == length(var.CLIENT_PREFIX_LIST_IDS)
    error_message = "CLIENT_PREFIX_LIST_IDS must list different prefix lists' ids, for example [\"pl-0123456789abcdef0\"]."
  }
  validation {
    condition     = length(var.CLIENT_PREFIX_LIST_IDS) == 0 || var.EXTERNAL_ALB_SG_ID == null
    error_message = "CLIENT_PREFIX_LIST_IDS adds rules to the load balancer's security group that is made, and EXTERNAL_ALB_SG_ID is used as it is. Leave one of the two out."
  }
}

variable "CLIENT_SECURITY_GROUP_IDS" {
  description = "Security groups whose members may call the load balancer, beside CLIENT_CIDRS. Default: none."
  type        = list(string)
  nullable    = false
  default     = []

  validation {
    condition     = alltrue([for id in var.CLIENT_SECURITY_GROUP_IDS : can(regex("^sg-[0-9a-f]{8,17}$", id))]) && length(distinct(var.CLIENT_SECURITY_GROUP_IDS)) == length(var.CLIENT_SECURITY_GROUP_IDS)
    error_message = "CLIENT_SECURITY_GROUP_IDS must list different security groups' ids, for example [\"sg-0123456789abcdef0\"]."
  }
  validation {
    condition     = length(var.CLIENT_SECURITY_GROUP_IDS) == 0 || var.EXTERNAL_ALB_SG_ID == null
    error_message = "CLIENT_SECURITY_GROUP_IDS adds rules to the load balancer's security group that is made, and EXTERNAL_ALB_SG_ID is used as it is. Leave one of the two out."
  }
}

variable "LISTENER_TLS" {
  description = "Load balancer to task over TLS, port 8443, with a certificate that each task makes at its start (true), or plaintext, port 8080 (false). Default: true."
  type        = bool
  nullable    = false
  default     = true
}

variable "SSL_POLICY" {
  description = "The load balancer's TLS policy: versions and ciphers for clients. Default: ELBSecurityPolicy-TLS13-1-2-2021-06, TLS 1.2 and 1.3."
  type        = string
  nullable    = false
  default     = "ELBSecurityPolicy-TLS13-1-2-2021-06"

  validation {
    condition     = can(regex("^ELBSecurityPolicy-[A-Za-z0-9-]+$", var.SSL_POLICY))
    error_message = "SSL_POLICY must be the name of a TLS policy of ELB, for example ELBSecurityPolicy-TLS13-1-2-2021-06. All of them: aws elbv2 describe-ssl-policies --query SslPolicies[].Name"
  }
}

variable "ALB_IDLE_TIMEOUT" {
  description = "Seconds of silence after which an ALB ends a request or closes a connection, 1 to 4000; an NLB's are 350 and fixed. Of an existing ALB, what it has. Default: 60, or 5 more than the mapping's longest TIMEOUT."
  type        = number
  default     = null

  validation {
    condition     = try(var.ALB_IDLE_TIMEOUT == null || (var.ALB_IDLE_TIMEOUT >= 1 && var.ALB_IDLE_TIMEOUT <= 4000 && floor(var.ALB_IDLE_TIMEOUT) == var.ALB_IDLE_TIMEOUT), true)
    error_message = "ALB_IDLE_TIMEOUT must be whole seconds from 1 to 4000, which is what an ALB takes."
  }
  validation {
    condition     = var.ALB_IDLE_TIMEOUT == null || var.ELB_TYPE == "ALB"
    error_message = "ALB_IDLE_TIMEOUT is set and ELB_TYPE is ${var.ELB_TYPE}: the idle timeout of an NLB's TLS listener is 350 s and cannot be changed. Leave it out."
  }
}

variable "DROP_INVALID_HEADER_FIELDS" {
  description = "Let an ALB remove header fields whose names have anything but letters, digits and hyphens, such as app_token. Default: false."
  type        = bool
  nullable    = false
  default     = false

  validation {
    condition     = !var.DROP_INVALID_HEADER_FIELDS || var.ELB_TYPE == "ALB"
    error_message = "DROP_INVALID_HEADER_FIELDS is true and ELB_TYPE is ${var.ELB_TYPE}: an NLB does not read headers. Leave it out."
  }
  validation {
    condition     = !var.DROP_INVALID_HEADER_FIELDS || var.EXISTING_ELB_ARN == null
    error_message = "DROP_INVALID_HEADER_FIELDS is true, and EXISTING_ELB_ARN is not changed here. Leave it out."
  }
}

variable "DELETION_PROTECTION" {
  description = "Keep the load balancer from being deleted. Set it to false, apply, then destroy. Default: true."
  type        = bool
  nullable    = false
  default     = true
}

# --- Names of the clients ------------------------------------------------------------------------------------------

variable "HOSTED_ZONES" {
  description = "Private hosted zones: create makes them, existing writes records into HOSTED_ZONE_IDS by the provider aws.zones, none leaves both to you (output dns_records). A VPC of another account takes existing or none. Default: create."
  type        = string
  nullable    = false
  default     = "create"

  validation {
    condition     = contains(["create", "existing", "none"], var.HOSTED_ZONES)
    error_message = "HOSTED_ZONES must be create, existing or none."
  }
}

variable "HOSTED_ZONE_IDS" {
  description = "Ids of existing private hosted zones, by zone name: all of PLAN.hosted_zones, for HOSTED_ZONES = existing. Default: none."
  type        = map(string)
  nullable    = false
  default     = {}

  validation {
    condition     = alltrue([for id in values(var.HOSTED_ZONE_IDS) : can(regex("^Z[0-9A-Z]{1,31}$", id))])
    error_message = "HOSTED_ZONE_IDS must have hosted zones' ids as values, for example { \"internal.example.com\" = \"Z0123456789ABCDEFGHIJ\" }."
  }
  validation {
    condition     = var.HOSTED_ZONES == "existing" || length(var.HOSTED_ZONE_IDS) == 0
    error_message = "HOSTED_ZONE_IDS goes with HOSTED_ZONES = \"existing\"; it is ${var.HOSTED_ZONES}."
  }
  validation {
    condition     = var.HOSTED_ZONES != "existing" || length(setsubtract(var.PLAN.hosted_zones[*].name, keys(var.HOSTED_ZONE_IDS))) == 0
    error_message = "HOSTED_ZONES is existing, and HOSTED_ZONE_IDS lacks zones of the plan: ${join(", ", setsubtract(var.PLAN.hosted_zones[*].name, keys(var.HOSTED_ZONE_IDS)))}. Make them, associate them with the VPC, and add their ids."
  }
}

# --- Certificates --------------------------------------------------------------------------------------------------

variable "CERTIFICATE_ARNS" {
  description = "ACM certificates imported by hand, for PLAN.import_names or beside the planned ones. Default: none."
  type        = list(string)
  nullable    = false
  default     = []

  validation {
    condition     = alltrue([for arn in var.CERTIFICATE_ARNS : can(regex("^arn:aws[a-z-]*:acm:[a-z0-9-]+:[0-9]{12}:certificate/[0-9a-zA-Z-]+$", arn))])
    error_message = "CERTIFICATE_ARNS must list ACM certificates' ARNs, for example [\"arn:aws:acm:eu-west-1:111122223333:certificate/01234567-89ab-cdef-0123-456789abcdef\"]."
  }
  validation {
    condition     = length(distinct(var.CERTIFICATE_ARNS)) == length(var.CERTIFICATE_ARNS)
    error_message = "CERTIFICATE_ARNS lists a certificate twice."
  }
  validation {
    condition     = length(var.PLAN.import_names) == 0 || length(var.CERTIFICATE_ARNS) > 0 || var.PRIVATE_CA_ARN != null || var.EXISTING_LISTENER_ARN != null
    error_message = "ACM cannot validate these names: ${join(", ", var.PLAN.import_names)}. Import a certificate for them into ACM, in the stack's region, and list its ARN in CERTIFICATE_ARNS; or name a CA of AWS Private CA in PRIVATE_CA_ARN."
  }
  validation {
    condition     = length(var.PLAN.certificates) + length(var.CERTIFICATE_ARNS) + (var.PRIVATE_CA_ARN == null ? 0 : length(var.PLAN.import_names)) <= lookup(var.PLAN.quotas, "certificates_per_listener", 25) + (var.ELB_TYPE == "ALB" && var.EXISTING_LISTENER_ARN == null ? 1 : 0)
    error_message = "The listener would have ${length(var.PLAN.certificates) + length(var.CERTIFICATE_ARNS) + (var.PRIVATE_CA_ARN == null ? 0 : length(var.PLAN.import_names))} certificates, and ${var.ELB_TYPE == "ALB" ? "an ALB takes ${lookup(var.PLAN.quotas, "certificates_per_listener", 25)} and the default one" : "an NLB takes ${lookup(var.PLAN.quotas, "certificates_per_listener", 25)}"} (ELB quotas). Deploy a second stack for some of the domains, or have the quota raised: nameplate plan --quota certificates-per-listener=NUMBER"
  }
}

variable "VALIDATION_ZONE_IDS" {
  description = "Public hosted zone ids for the certificates' validation records, by zone name; one that is missing is looked up by its name. Default: none."
  type        = map(string)
  nullable    = false
  default     = {}

  validation {
    condition     = alltrue([for id in values(var.VALIDATION_ZONE_IDS) : can(regex("^Z[0-9A-Z]{1,31}$", id))])
    error_message = "VALIDATION_ZONE_IDS must have hosted zones' ids as values, for example { \"example.com\" = \"Z0123456789ABCDEFGHIJ\" }."
  }
}

# --- The container -------------------------------------------------------------------------------------------------

variable "IMAGE" {
  description = "The image, for example 111122223333.dkr.ecr.eu-west-1.amazonaws.com/nameplate:0.1.0. Default: IMAGE_TAG in the ECR repository that is made."
  type        = string
  default     = null

  validation {
    condition     = can(regex("^[a-z0-9][a-zA-Z0-9./_:-]*(:[a-zA-Z0-9_][a-zA-Z0-9._-]*|@sha256:[0-9a-f]{64})$", coalesce(var.IMAGE, "nameplate:0.1.0")))
    error_message = "IMAGE must be an image's URI with a tag or a digest, for example 111122223333.dkr.ecr.eu-west-1.amazonaws.com/nameplate:0.1.0."
  }
  validation {
    condition     = !endswith(coalesce(var.IMAGE, "nameplate:0.1.0"), ":latest")
    error_message = "IMAGE must name a version by a tag other than latest, or by digest: with latest, tasks that start at different times run different code."
  }
}

variable "IMAGE_TAG" {
  description = "The tag in the ECR repository that is made; for IMAGE = null. Default: 0.1.0."
  type        = string
  nullable    = false
  default     = "0.1.0"

  validation {
    condition     = can(regex("^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$", var.IMAGE_TAG)) && var.IMAGE_TAG != "latest"
    error_message = "IMAGE_TAG must be a tag that names a version, for example 0.1.0. The repository's tags are immutable, so latest could be pushed once."
  }
}

variable "TASK_PLATFORM" {
  description = "ARM64 or X86_64, what the image is for. Default: ARM64."
  type        = string
  nullable    = false
  default     = "ARM64"

  validation {
    condition     = contains(["ARM64", "X86_64"], var.TASK_PLATFORM)
    error_message = "TASK_PLATFORM must be ARM64 or X86_64."
  }
}

variable "TASK_CPU" {
  description = "A task's CPU in units of 1/1024 vCPU. Default: 1024."
  type        = number
  nullable    = false
  default     = 1024

  validation {
    condition     = contains([256, 512, 1024, 2048, 4096, 8192, 16384], var.TASK_CPU)
    error_message = "TASK_CPU must be one of 256, 512, 1024, 2048, 4096, 8192 and 16384."
  }
}

variable "TASK_MEMORY" {
  description = "A task's memory in MiB. It must go with TASK_CPU. Default: 2048."
  type        = number
  nullable    = false
  default     = 2048

  validation {
    condition = contains(lookup({
      256   = [512, 1024, 2048]
      512   = range(1024, 4097, 1024)
      1024  = range(2048, 8193, 1024)
      2048  = range(4096, 16385, 1024)
      4096  = range(8192, 30721, 1024)
      8192  = range(16384, 61441, 4096)
      16384 = range(32768, 122881, 8192)
    }, var.TASK_CPU, [var.TASK_MEMORY]), var.TASK_MEMORY)
    error_message = "Fargate has no size with TASK_CPU ${var.TASK_CPU} and TASK_MEMORY ${var.TASK_MEMORY} MiB. Memory by CPU: 256: 512, 1024 or 2048; 512: 1024 to 4096; 1024: 2048 to 8192; 2048: 4096 to 16384; 4096: 8192 to 30720, all by 1024; 8192: 16384 to 61440 by 4096; 16384: 32768 to 122880 by 8192 (ECS developer guide, Task CPU and memory)."
  }
}

variable "STOP_TIMEOUT" {
  description = "Seconds between SIGTERM and SIGKILL, 2 to 120; Nameplate ends 5 s earlier. Default: 30."
  type        = number
  nullable    = false
  default     = 30

  validation {
    condition     = var.STOP_TIMEOUT >= 2 && var.STOP_TIMEOUT <= 120 && floor(var.STOP_TIMEOUT) == var.STOP_TIMEOUT
    error_message = "STOP_TIMEOUT must be whole seconds from 2 to 120, which is what Fargate takes."
  }
}

variable "EXTRA_SETTINGS" {
  description = "Settings of Nameplate (conf/nameplate.yaml) laid over ours; a key of the first level replaces the whole of it. Default: none."
  type        = any
  nullable    = false
  default     = {}

  validation {
    condition     = can(keys(var.EXTRA_SETTINGS))
    error_message = "EXTRA_SETTINGS must be an object with keys of conf/nameplate.yaml, for example { access_log = { to = \"stdout\" } }."
  }
  validation {
    condition     = length(setsubtract(try(keys(var.EXTRA_SETTINGS), []), ["access_log", "admin", "admin_pages", "client", "emf", "endpoint", "endpoints", "forwarded", "limits", "listeners", "log", "mapping", "memory", "metrics", "probes", "reload", "request_id", "shutdown", "threads"])) == 0
    error_message = "EXTRA_SETTINGS has keys that are no settings of Nameplate: ${join(", ", setsubtract(try(keys(var.EXTRA_SETTINGS), []), ["access_log", "admin", "admin_pages", "client", "emf", "endpoint", "endpoints", "forwarded", "limits", "listeners", "log", "mapping", "memory", "metrics", "probes", "reload", "request_id", "shutdown", "threads"]))}. conf/nameplate.yaml has all that there are."
  }
  validation {
    condition     = length(setintersection(try(keys(var.EXTRA_SETTINGS), []), ["listeners", "admin"])) == 0
    error_message = "EXTRA_SETTINGS must leave `listeners` and `admin` alone: the load balancer, its health checks and the security groups are made for those that are set here."
  }
}

variable "EXTRA_ENDPOINTS" {
  description = "Further execute-api endpoints: what ENDPOINT says in the mapping, to the endpoint's DNS name. Must cover PLAN.endpoints but `default`. Default: none."
  type        = map(string)
  nullable    = false
  default     = {}

  validation {
    condition     = alltrue([for name in keys(var.EXTRA_ENDPOINTS) : can(regex("^[A-Za-z0-9_-]{1,64}$", name)) && name != "default"])
    error_message = "EXTRA_ENDPOINTS' keys are names of 1 to 64 letters, digits, hyphens and underscores; `default` is the stack's own endpoint."
  }
  validation {
    condition     = alltrue([for dns in values(var.EXTRA_ENDPOINTS) : can(regex("^[a-zA-Z0-9*-]+(\\.[a-zA-Z0-9-]+)+$", dns))])
    error_message = "EXTRA_ENDPOINTS' values are DNS names of execute-api endpoints, for example vpce-0123456789abcdef0-abcdefgh.execute-api.eu-central-1.vpce.amazonaws.com."
  }
  validation {
    condition     = length(setsubtract(var.PLAN.endpoints, concat(["default"], keys(var.EXTRA_ENDPOINTS)))) == 0
    error_message = "The mapping's ENDPOINT names endpoints that EXTRA_ENDPOINTS does not have: ${join(", ", setsubtract(var.PLAN.endpoints, concat(["default"], keys(var.EXTRA_ENDPOINTS))))}. Add their DNS names."
  }
}

variable "ECS_EXEC" {
  description = "Allow `aws ecs execute-command`: an ssmmessages endpoint, permissions of the task role, and a writable root file system, which it needs. Default: false."
  type        = bool
  nullable    = false
  default     = false
}

variable "LOG_RETENTION_DAYS" {
  description = "Days that logs are kept. Default: 30."
  type        = number
  nullable    = false
  default     = 30

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.LOG_RETENTION_DAYS)
    error_message = "LOG_RETENTION_DAYS must be one of CloudWatch's: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653."
  }
}

variable "CONTAINER_INSIGHTS" {
  description = "Container Insights of the cluster that is made: enabled, enhanced (metrics of each task and container too) or disabled. Default: enabled."
  type        = string
  nullable    = false
  default     = "enabled"

  validation {
    condition     = contains(["enabled", "enhanced", "disabled"], var.CONTAINER_INSIGHTS)
    error_message = "CONTAINER_INSIGHTS is ${var.CONTAINER_INSIGHTS}. It is enabled, enhanced or disabled."
  }
  validation {
    condition     = var.CONTAINER_INSIGHTS == "enabled" || var.EXISTING_CLUSTER == null
    error_message = "CONTAINER_INSIGHTS is set, and the cluster is yours (EXISTING_CLUSTER): it is not changed here. Leave CONTAINER_INSIGHTS out; to change the cluster: aws ecs update-cluster-settings --cluster ${coalesce(var.EXISTING_CLUSTER, "CLUSTER")} --settings name=containerInsights,value=${var.CONTAINER_INSIGHTS}"
  }
}

# --- Scaling and alarms --------------------------------------------------------------------------------------------

variable "TASK_SCALE_MIN" {
  description = "The fewest tasks, and how many there are at first. docs/scaling.md recommends 2 or more. Default: 1."
  type        = number
  nullable    = false
  default     = 1

  validation {
    condition     = var.TASK_SCALE_MIN >= 1 && floor(var.TASK_SCALE_MIN) == var.TASK_SCALE_MIN
    error_message = "TASK_SCALE_MIN must be a whole number from 1."
  }
}

variable "TASK_SCALE_MAX" {
  description = "The most tasks. Default: 4."
  type        = number
  nullable    = false
  default     = 4

  validation {
    condition     = var.TASK_SCALE_MAX <= 5000 && floor(var.TASK_SCALE_MAX) == var.TASK_SCALE_MAX
    error_message = "TASK_SCALE_MAX must be a whole number up to 5000, the most tasks of a service (ECS quotas)."
  }
  validation {
    condition     = var.TASK_SCALE_MIN <= var.TASK_SCALE_MAX
    error_message = "TASK_SCALE_MIN (${var.TASK_SCALE_MIN}) is over TASK_SCALE_MAX (${var.TASK_SCALE_MAX})."
  }
}

variable "TASK_SCALE_CPU_PCT" {
  description = "The average CPU use, in percent, that the number of tasks is scaled to. docs/scaling.md recommends 50. Default: 80."
  type        = number
  nullable    = false
  default     = 80

  validation {
    condition     = var.TASK_SCALE_CPU_PCT >= 10 && var.TASK_SCALE_CPU_PCT <= 100
    error_message = "TASK_SCALE_CPU_PCT must be a percentage from 10 to 100."
  }
}

variable "HIGH_RESOLUTION_SCALING" {
  description = "Scale on the CPU metric of 20 s in place of 1 min. The service must be told once to publish it, and HIGH_RESOLUTION_METRICS says that it was: README.md. Default: false."
  type        = bool
  nullable    = false
  default     = false
}

variable "HIGH_RESOLUTION_METRICS" {
  description = "The service publishes its CPU metric every 20 s: set it once the command in README.md has run. It changes nothing but the warning of HIGH_RESOLUTION_SCALING. Default: false."
  type        = bool
  nullable    = false
  default     = false

  validation {
    condition     = !var.HIGH_RESOLUTION_METRICS || var.HIGH_RESOLUTION_SCALING
    error_message = "HIGH_RESOLUTION_METRICS is true, and HIGH_RESOLUTION_SCALING is not: the metric of 20 s would be paid for and not used. Set HIGH_RESOLUTION_SCALING = true, or leave HIGH_RESOLUTION_METRICS out."
  }
}

variable "ALARM_TOPIC_ARN" {
  description = "The SNS topic that alarms tell. Default: none, alarms only change their state."
  type        = string
  default     = null

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_.-]+$", coalesce(var.ALARM_TOPIC_ARN, "arn:aws:sns:eu-west-1:111122223333:alarms")))
    error_message = "ALARM_TOPIC_ARN must be an SNS topic's ARN, for example arn:aws:sns:eu-west-1:111122223333:alarms."
  }
}

# --- Certificates of a private CA ----------------------------------------------------------------------------------

variable "PRIVATE_CA_ARN" {
  description = "The AWS Private CA that issues a certificate for each of PLAN.import_names, in place of imported ones. Clients must trust it. Default: none."
  type        = string
  default     = null

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:acm-pca:[a-z0-9-]+:[0-9]{12}:certificate-authority/[0-9a-f-]+$", coalesce(var.PRIVATE_CA_ARN, "arn:aws:acm-pca:eu-west-1:111122223333:certificate-authority/0")))
    error_message = "PRIVATE_CA_ARN must be the ARN of an AWS Private CA, for example arn:aws:acm-pca:eu-west-1:111122223333:certificate-authority/01234567-89ab-cdef-0123-456789abcdef."
  }
  validation {
    condition     = var.PRIVATE_CA_ARN == null || alltrue([for name in var.PLAN.import_names : length(name) <= 64])
    error_message = "ACM takes names of up to 64 characters as the first of a certificate (ACM API reference, RequestCertificate), and these are longer: ${join(", ", [for name in var.PLAN.import_names : name if length(name) > 64])}. Leave PRIVATE_CA_ARN out, import certificates for all of ${join(", ", var.PLAN.import_names)}, and list their ARNs in CERTIFICATE_ARNS."
  }
}

# --- Deployments of the service ------------------------------------------------------------------------------------

variable "IMAGE_DIGEST" {
  description = "The digest of the image in the ECR repository that is made, in place of IMAGE_TAG. An image of another repository has its digest in IMAGE. Default: none."
  type        = string
  default     = null

  validation {
    condition     = can(regex("^sha256:[0-9a-f]{64}$", coalesce(var.IMAGE_DIGEST, "sha256:${sha256("")}")))
    error_message = "IMAGE_DIGEST must be an image's digest, sha256: and 64 hexadecimal digits. It is: aws ecr describe-images --repository-name ${var.APP_NAME}-${var.APP_ENVIRONMENT} --image-ids imageTag=${var.IMAGE_TAG} --query 'imageDetails[0].imageDigest' --output text"
  }
  validation {
    condition     = var.IMAGE_DIGEST == null || var.IMAGE == null
    error_message = "IMAGE_DIGEST is of an image in the repository that is made, and IMAGE names another one. End IMAGE with @ and the digest, and leave IMAGE_DIGEST out."
  }
}

variable "DEPLOYMENT_ALARMS" {
  description = "Names of CloudWatch alarms that end a deployment of the service and roll it back, beside the circuit breaker. They must exist. Default: none."
  type        = list(string)
  nullable    = false
  default     = []

  validation {
    condition     = alltrue([for name in var.DEPLOYMENT_ALARMS : can(regex("^[ -~]{1,255}$", name)) && !startswith(name, "arn:")])
    error_message = "DEPLOYMENT_ALARMS must list names of alarms, not ARNs, for example [\"${var.APP_NAME}-${var.APP_ENVIRONMENT}-unhealthy-targets\"]."
  }
  validation {
    condition     = length(distinct(var.DEPLOYMENT_ALARMS)) == length(var.DEPLOYMENT_ALARMS)
    error_message = "DEPLOYMENT_ALARMS lists an alarm twice."
  }
}

variable "FARGATE_SPOT_PCT" {
  description = "How many percent of the tasks beyond TASK_SCALE_MIN run on Fargate Spot, 0 to 100. To and from 0 replaces the service: docs/deploy.md. Default: 0."
  type        = number
  nullable    = false
  default     = 0

  validation {
    condition     = var.FARGATE_SPOT_PCT >= 0 && var.FARGATE_SPOT_PCT <= 100 && floor(var.FARGATE_SPOT_PCT) == var.FARGATE_SPOT_PCT
    error_message = "FARGATE_SPOT_PCT must be a whole percentage from 0 to 100."
  }
}

# --- Consumers in other networks -----------------------------------------------------------------------------------

variable "ENDPOINT_SERVICE" {
  description = "Make a PrivateLink endpoint service in front of the NLB, so that VPCs of other accounts reach it through an endpoint of their own. Each connection has to be accepted. Default: false."
  type        = bool
  nullable    = false
  default     = false

  validation {
    condition     = !var.ENDPOINT_SERVICE || var.ELB_TYPE == "NLB"
    error_message = "ENDPOINT_SERVICE is true and ELB_TYPE is ALB: only an NLB can be behind an endpoint service. Set ELB_TYPE = \"NLB\"."
  }
  validation {
    condition     = var.ENDPOINT_SERVICE || (length(var.ENDPOINT_SERVICE_PRINCIPALS) == 0 && var.ENDPOINT_SERVICE_DNS_NAME == null)
    error_message = "ENDPOINT_SERVICE_PRINCIPALS and ENDPOINT_SERVICE_DNS_NAME go with ENDPOINT_SERVICE = true."
  }
}

variable "ENDPOINT_SERVICE_PRINCIPALS" {
  description = "ARNs of the accounts (root), roles and users that can find the endpoint service and ask for a connection. Default: none."
  type        = list(string)
  nullable    = false
  default     = []

  validation {
    condition     = alltrue([for arn in var.ENDPOINT_SERVICE_PRINCIPALS : can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:(root|role/[^*]+|user/[^*]+)$", arn))])
    error_message = "ENDPOINT_SERVICE_PRINCIPALS must be ARNs of accounts, roles or users, for example arn:aws:iam::444455556666:root."
  }
  validation {
    condition     = length(distinct(var.ENDPOINT_SERVICE_PRINCIPALS)) == length(var.ENDPOINT_SERVICE_PRINCIPALS)
    error_message = "ENDPOINT_SERVICE_PRINCIPALS lists a principal twice. List each once."
  }
}

variable "ENDPOINT_SERVICE_DNS_NAME" {
  description = "A private DNS name for the endpoint service; its domain's owner proves ownership with a TXT record. Default: none."
  type        = string
  default     = null

  validation {
    condition     = can(regex("^(\\*\\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$", coalesce(var.ENDPOINT_SERVICE_DNS_NAME, "a.example")))
    error_message = "ENDPOINT_SERVICE_DNS_NAME must be a DNS name in lower case, for example orders.example.com."
  }
}

variable "AUTHORIZED_VPC_IDS" {
  description = "VPCs of other accounts, in the stack's region, that may be associated with the private hosted zones that are made; the output zone_association_commands is for their owners. Default: none."
  type        = list(string)
  nullable    = false
  default     = []

  validation {
    condition     = alltrue([for id in var.AUTHORIZED_VPC_IDS : can(regex("^vpc-([0-9a-f]{8}|[0-9a-f]{17})$", id))])
    error_message = "AUTHORIZED_VPC_IDS must be ids of VPCs, for example vpc-0123456789abcdef0."
  }
  validation {
    condition     = length(var.AUTHORIZED_VPC_IDS) == 0 || var.HOSTED_ZONES == "create"
    error_message = "AUTHORIZED_VPC_IDS goes with HOSTED_ZONES = \"create\": only the owner of a zone can let another account's VPC in."
  }
}

# --- The mapping through AWS AppConfig -----------------------------------------------------------------------------

variable "MAPPING_SOURCE" {
  description = "How a changed mapping reaches tasks: s3, all of them within a poll of the object; or appconfig, in steps that alarms roll back, through AWS AppConfig, which reads the same object. Default: s3."
  type        = string
  nullable    = false
  default     = "s3"

  validation {
    condition     = contains(["s3", "appconfig"], var.MAPPING_SOURCE)
    error_message = "MAPPING_SOURCE must be s3 or appconfig."
  }
  validation {
    condition     = var.MAPPING_SOURCE == "s3" || var.S3_KMS_KEY_ARN == null
    error_message = "MAPPING_SOURCE is appconfig, and S3_KMS_KEY_ARN is set: AppConfig reads objects that S3 encrypts with its own key only (AppConfig user guide, About configurations stored in Amazon S3). Leave one of the two out."
  }
  validation {
    condition     = var.MAPPING_SOURCE == "s3" || length(setintersection(try(keys(var.EXTRA_SETTINGS), []), ["mapping", "emf"])) == 0
    error_message = "MAPPING_SOURCE is appconfig, and EXTRA_SETTINGS has `mapping` or `emf`: tasks read the mapping from the agent, and the alarms that roll a mapping back look at the metrics that `emf` is set for here. Leave both out."
  }
}

variable "APPCONFIG_AGENT_IMAGE" {
  description = "The image of the AWS AppConfig agent, a copy in an ECR repository of the stack's region: tasks reach no public registry. Required when MAPPING_SOURCE is appconfig."
  type        = string
  default     = null

  validation {
    condition     = can(regex("^[a-z0-9][a-zA-Z0-9./_:-]*(:[a-zA-Z0-9_][a-zA-Z0-9._-]*|@sha256:[0-9a-f]{64})$", coalesce(var.APPCONFIG_AGENT_IMAGE, "agent:2.0"))) && !endswith(coalesce(var.APPCONFIG_AGENT_IMAGE, "agent:2.0"), ":latest")
    error_message = "APPCONFIG_AGENT_IMAGE must be an image's URI with a digest, or with a tag other than latest, for example 111122223333.dkr.ecr.eu-west-1.amazonaws.com/aws-appconfig-agent:2.x."
  }
  validation {
    condition     = var.MAPPING_SOURCE == "s3" || var.APPCONFIG_AGENT_IMAGE != null
    error_message = "MAPPING_SOURCE is appconfig, so APPCONFIG_AGENT_IMAGE must name the agent's image: copy public.ecr.aws/aws-appconfig/aws-appconfig-agent:2.x into an ECR repository of the stack's region."
  }
}

variable "APPCONFIG_POLL_SECONDS" {
  description = "Seconds between two questions of the agent to AppConfig, 5 to 300. Default: 15."
  type        = number
  nullable    = false
  default     = 15

  validation {
    condition     = var.APPCONFIG_POLL_SECONDS >= 5 && var.APPCONFIG_POLL_SECONDS <= 300 && floor(var.APPCONFIG_POLL_SECONDS) == var.APPCONFIG_POLL_SECONDS
    error_message = "APPCONFIG_POLL_SECONDS must be whole seconds from 5 to 300."
  }
}

variable "MAPPING_SCHEMA_PATH" {
  description = "A JSON Schema that AppConfig holds a mapping in JSON against before it deploys it: docs/mapping.schema.json, or what `nameplate schema mapping` prints. A relative path starts at the root module's folder. Default: none."
  type        = string
  default     = null

  validation {
    condition     = var.MAPPING_SCHEMA_PATH == null || var.MAPPING_SOURCE == "appconfig"
    error_message = "MAPPING_SCHEMA_PATH goes with MAPPING_SOURCE = \"appconfig\"."
  }
}

variable "ROLLOUT_MINUTES" {
  description = "Minutes until AppConfig has given a mapping to all tasks, 0 to 1440. Default: 10."
  type        = number
  nullable    = false
  default     = 10

  validation {
    condition     = var.ROLLOUT_MINUTES >= 0 && var.ROLLOUT_MINUTES <= 1440 && floor(var.ROLLOUT_MINUTES) == var.ROLLOUT_MINUTES
    error_message = "ROLLOUT_MINUTES must be whole minutes from 0 to 1440, which is what AppConfig takes."
  }
}

variable "ROLLOUT_GROWTH_PCT" {
  description = "How many percent of the tasks each step of a rollout adds, 1 to 100. Default: 20."
  type        = number
  nullable    = false
  default     = 20

  validation {
    condition     = var.ROLLOUT_GROWTH_PCT >= 1 && var.ROLLOUT_GROWTH_PCT <= 100
    error_message = "ROLLOUT_GROWTH_PCT must be a percentage from 1 to 100."
  }
}

variable "ROLLOUT_BAKE_MINUTES" {
  description = "Minutes that AppConfig still watches the alarms after all tasks have a mapping, 0 to 1440. Default: 10."
  type        = number
  nullable    = false
  default     = 10

  validation {
    condition     = var.ROLLOUT_BAKE_MINUTES >= 0 && var.ROLLOUT_BAKE_MINUTES <= 1440 && floor(var.ROLLOUT_BAKE_MINUTES) == var.ROLLOUT_BAKE_MINUTES
    error_message = "ROLLOUT_BAKE_MINUTES must be whole minutes from 0 to 1440, which is what AppConfig takes."
  }
}

variable "ROLLOUT_ALARM_PCT" {
  description = "The percentage of requests, refused or answered with a 5xx, above which a mapping is rolled back; it is too where tasks with a new mapping have this many percent more than tasks with an old one. Default: 10."
  type        = number
  nullable    = false
  default     = 10

  validation {
    condition     = var.ROLLOUT_ALARM_PCT > 0 && var.ROLLOUT_ALARM_PCT <= 100
    error_message = "ROLLOUT_ALARM_PCT must be a percentage above 0 and up to 100."
  }
}
