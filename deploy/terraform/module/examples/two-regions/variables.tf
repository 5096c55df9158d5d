variable "regions" {
  description = "The two regions."
  type        = list(string)
  default     = ["eu-west-1", "eu-central-1"]

  validation {
    condition     = length(distinct(var.regions)) == 2
    error_message = "regions must be two different regions."
  }
}

variable "plans" {
  description = "What `nameplate plan` printed for the mapping of each region, in the order of the regions."
  type        = any

  validation {
    condition     = length(var.plans) == 2
    error_message = "plans must be two plans, one for each of the regions."
  }
}

variable "mappings" {
  description = "The mapping file of each region: the same domains, with the APIs of the region."
  type        = list(string)
  default     = ["mapping.eu-west-1.yaml", "mapping.eu-central-1.yaml"]
}

variable "routing" {
  description = "latency: clients reach the nearer region; failover: the first one, while it is healthy."
  type        = string
  default     = "latency"

  validation {
    condition     = contains(["latency", "failover"], var.routing)
    error_message = "routing must be latency or failover."
  }
}
