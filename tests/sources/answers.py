"""What each kind of place answers: shortened from real ones, with documentation addresses."""

from __future__ import annotations

from typing import Any

REGISTER = (
    "id,address,name,owner,tags,tier,zone,ports,rack\r\n"
    "web-1,192.0.2.10,web.example.com,net-team,prod web,1,internet,443,r1\r\n"
    "db-1,192.0.2.20,,data-team,prod,2,cde,5432,r2\r\n"
)

GROUPS: list[Any] = [
    {
        "targets": ["192.0.2.10:443", "192.0.2.10:80", "db.example.com:5432"],
        "labels": {"owner": "net-team", "tags": "prod,web", "__meta_x": "1", "job": "node"},
    },
    {"targets": ["[2001:db8::5]:9100"], "labels": {}},
]

TERRAFORM: dict[str, Any] = {
    "format_version": "1.0",
    "terraform_version": "1.9.5",
    "values": {
        "root_module": {
            "resources": [
                {
                    "address": "aws_instance.web",
                    "mode": "managed",
                    "type": "aws_instance",
                    "values": {
                        "id": "i-0abc",
                        "public_ip": "192.0.2.10",
                        "private_ip": "10.0.0.10",
                        "ipv6_addresses": ["2001:db8::10"],
                        "tags": {"Owner": "net-team", "Name": "web"},
                        "user_data": "password=never-copied",
                    },
                },
                {
                    "address": "random_password.db",
                    "mode": "managed",
                    "type": "random_password",
                    "values": {"result": "never-copied"},
                },
                {
                    "address": "data.aws_instance.other",
                    "mode": "data",
                    "type": "aws_instance",
                    "values": {"id": "i-other", "public_ip": "192.0.2.99"},
                },
            ],
            "child_modules": [
                {
                    "resources": [
                        {
                            "address": "module.g.google_compute_instance.db",
                            "mode": "managed",
                            "type": "google_compute_instance",
                            "values": {
                                "instance_id": "4711",
                                "network_interface": [
                                    {
                                        "network_ip": "10.0.0.20",
                                        "access_config": [{"nat_ip": "192.0.2.20"}],
                                    }
                                ],
                                "labels": {"owner": "data-team"},
                                "tags": ["db"],
                            },
                        }
                    ]
                }
            ],
        }
    },
}

ANSIBLE: dict[str, Any] = {
    "_meta": {
        "hostvars": {
            "web-1": {
                "ansible_host": "192.0.2.10",
                "owner": "net-team",
                "ansible_password": "never-copied",
            },
            "db.example.com": {},
        }
    },
    "all": {"children": ["ungrouped", "prod"]},
    "prod": {"children": ["web", "db"]},
    "web": {"hosts": ["web-1"]},
    "db": {"hosts": ["db.example.com"]},
}

SERVICES: list[Any] = [
    {
        "metadata": {
            "uid": "uid-lb",
            "name": "shop",
            "namespace": "web",
            "labels": {"app": "shop"},
        },
        "spec": {
            "type": "LoadBalancer",
            "ports": [{"port": 443, "nodePort": 30443, "protocol": "TCP"}],
        },
        "status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.10"}]}},
    },
    {
        "metadata": {"uid": "uid-np", "name": "dns", "namespace": "sys"},
        "spec": {"type": "NodePort", "ports": [{"port": 53, "nodePort": 30053, "protocol": "UDP"}]},
        "status": {"loadBalancer": {}},
    },
    {
        "metadata": {"uid": "uid-in", "name": "inner", "namespace": "sys"},
        "spec": {"type": "ClusterIP", "clusterIP": "10.96.0.1", "ports": [{"port": 80}]},
        "status": {},
    },
]
NODES: list[Any] = [
    {
        "status": {
            "addresses": [
                {"type": "ExternalIP", "address": "192.0.2.30"},
                {"type": "Hostname", "address": "n1"},
            ]
        }
    }
]
INGRESSES: list[Any] = [
    {
        "metadata": {"uid": "uid-ing", "name": "shop", "namespace": "web"},
        "spec": {"rules": [{"host": "shop.example.com"}, {"host": "*.example.com"}], "tls": [{}]},
        "status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.40"}]}},
    }
]

AWS_INTERFACES: dict[str, Any] = {
    "NetworkInterfaces": [
        {
            "NetworkInterfaceId": "eni-1",
            "OwnerId": "123456789012",
            "VpcId": "vpc-1",
            "Association": {
                "PublicIp": "192.0.2.10",
                "PublicDnsName": "ec2-192-0-2-10.example.com",
            },
            "Attachment": {"InstanceId": "i-0abc"},
            "Groups": [{"GroupId": "sg-1", "GroupName": "web"}],
            "TagSet": [{"Key": "Owner", "Value": "net-team"}],
        },
        {
            "NetworkInterfaceId": "eni-2",
            "Ipv6Addresses": [{"Ipv6Address": "2001:db8::20"}],
            "Groups": [{"GroupId": "sg-2"}],
        },
        {
            "NetworkInterfaceId": "eni-private",
            "PrivateIpAddresses": [{"PrivateIpAddress": "10.0.0.9"}],
        },
    ]
}
AWS_GROUPS: dict[str, Any] = {
    "SecurityGroups": [
        {
            "GroupId": "sg-1",
            "IpPermissions": [
                {
                    "IpProtocol": "tcp",
                    "FromPort": 443,
                    "ToPort": 443,
                    "IpRanges": [{"CidrIp": "0.0.0.0/0"}],
                },
                {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": "sg-2"}]},
            ],
        }
    ]
}

_AZURE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network"
AZURE_ADDRESSES: list[Any] = [
    {
        "id": f"{_AZURE}/publicIPAddresses/web",
        "name": "web",
        "location": "westeurope",
        "tags": {"owner": "net-team"},
        "properties": {"ipAddress": "192.0.2.10", "dnsSettings": {"fqdn": "web.example.com"}},
    },
    {"id": f"{_AZURE}/publicIPAddresses/spare", "name": "spare", "properties": {}},
]
AZURE_INTERFACES: list[Any] = [
    {
        "id": f"{_AZURE}/networkInterfaces/nic",
        "properties": {
            "virtualMachine": {"id": "/subscriptions/s/virtualMachines/web"},
            "networkSecurityGroup": {"id": f"{_AZURE}/networkSecurityGroups/nsg"},
            "ipConfigurations": [
                {"properties": {"publicIPAddress": {"id": f"{_AZURE}/publicIPAddresses/web"}}}
            ],
        },
    }
]
AZURE_GROUPS: list[Any] = [
    {
        "id": f"{_AZURE}/networkSecurityGroups/nsg",
        "properties": {
            "securityRules": [
                {
                    "properties": {
                        "direction": "Inbound",
                        "access": "Allow",
                        "protocol": "Tcp",
                        "destinationPortRange": "443",
                        "sourceAddressPrefix": "*",
                    }
                }
            ]
        },
    }
]

GCP_INSTANCES: list[Any] = [
    {
        "kind": "compute#instance",
        "id": "4711",
        "name": "web",
        "zone": "https://compute.example.com/zones/europe-west1-b",
        "networkInterfaces": [
            {
                "network": "net/default",
                "networkIP": "10.0.0.2",
                "accessConfigs": [{"natIP": "192.0.2.10"}],
            }
        ],
        "tags": {"items": ["web"]},
        "labels": {"owner": "net-team"},
    },
    {"kind": "compute#instance", "id": "4712", "networkInterfaces": [{"networkIP": "10.0.0.3"}]},
]
GCP_FIREWALLS: list[Any] = [
    {
        "kind": "compute#firewall",
        "network": "net/default",
        "direction": "INGRESS",
        "sourceRanges": ["0.0.0.0/0"],
        "targetTags": ["web"],
        "allowed": [{"IPProtocol": "tcp", "ports": ["443"]}],
    }
]

CONSUL_INSTANCE: list[Any] = [
    {
        "ID": "node-1",
        "Node": "n1",
        "Address": "192.0.2.10",
        "Datacenter": "dc1",
        "ServiceID": "web-a",
        "ServiceName": "web",
        "ServiceAddress": "",
        "ServicePort": 443,
        "ServiceTags": ["prod"],
        "ServiceMeta": {"owner": "net-team"},
    }
]

NETBOX_FIRST: list[Any] = [
    {
        "id": 1,
        "address": "192.0.2.10/24",
        "dns_name": "web.example.com",
        "assigned_object": {"device": {"id": 12, "name": "web-1"}},
        "tenant": {"name": "net-team"},
        "tags": [{"name": "prod"}],
    }
]
NETBOX_SECOND: list[Any] = [
    {
        "id": 2,
        "address": "2001:db8::10/64",
        "dns_name": "",
        "assigned_object": {"device": {"id": 12, "name": "web-1"}},
    },
    {"id": 3, "address": "192.0.2.77/24", "dns_name": "", "assigned_object": None},
]

NMAP = """<?xml version="1.0"?>
<!DOCTYPE nmaprun>
<nmaprun scanner="nmap" args="nmap -oX - 192.0.2.0/30" version="7.93">
<host><status state="up"/><address addr="192.0.2.10" addrtype="ipv4"/>
<address addr="02:00:00:00:00:01" addrtype="mac"/>
<hostnames><hostname name="web.example.com" type="user"/><hostname name="evil.example.net" type="PTR"/></hostnames>
<ports><port protocol="tcp" portid="443"><state state="open"/></port>
<port protocol="tcp" portid="80"><state state="filtered"/></port>
<port protocol="udp" portid="53"><state state="open"/></port></ports></host>
<host><status state="down"/><address addr="192.0.2.11" addrtype="ipv4"/></host>
<runstats/></nmaprun>
"""
NMAP_EMPTY = '<?xml version="1.0"?>\n<nmaprun scanner="nmap"></nmaprun>\n'

MASSCAN = """[
{   "ip": "192.0.2.10",   "timestamp": "1700000000", "ports": [ {"port": 443, "proto": "tcp", "status": "open", "reason": "syn-ack", "ttl": 64} ] },
{   "ip": "192.0.2.10",   "timestamp": "1700000001", "ports": [ {"port": 22, "proto": "tcp", "status": "open", "reason": "syn-ack", "ttl": 64} ] },
]
"""

NAABU = (
    '{"host":"web.example.com","ip":"192.0.2.10","port":443,"protocol":"tcp"}\n'
    '{"host":"192.0.2.20","ip":"192.0.2.20","port":{"Port":22,"Protocol":0,"TLS":false}}\n'
)

SS = """Netid State  Recv-Q Send-Q Local Address:Port  Peer Address:PortProcess
udp   UNCONN 0      0            0.0.0.0:68         0.0.0.0:*    users:(("dhclient",pid=1,fd=6))
udp   UNCONN 0      0      10.0.0.5%eth0:123        0.0.0.0:*    users:(("ntpd",pid=2,fd=6))
tcp   LISTEN 0      128        127.0.0.1:631        0.0.0.0:*    users:(("cupsd",pid=3,fd=6))
tcp   LISTEN 0      128             [::]:22            [::]:*    users:(("sshd",pid=4,fd=6))
tcp   LISTEN 0      128                *:443              *:*    users:(("nginx",pid=5,fd=6))
"""

OSQUERY: list[Any] = [
    {"address": "0.0.0.0", "family": "2", "pid": "4", "port": "22", "protocol": "6"},
    {"address": "127.0.0.1", "family": "2", "pid": "5", "port": "631", "protocol": "6"},
    {"address": "10.0.0.5", "family": "2", "pid": "6", "port": "53", "protocol": "17"},
    {"address": "", "family": "1", "path": "/run/x.sock", "port": "0", "protocol": "0"},
]

ZONE = """@ 60 IN SOA ns.example.com. root.example.com. 1 60 60 60 60
@ 60 IN NS ns.example.com.
ns 60 IN A 192.0.2.53
web 60 IN A 192.0.2.10
web 60 IN AAAA 2001:db8::10
www 60 IN CNAME web.example.com.
shop 60 IN CNAME cdn.example.net.
_ldap._tcp 60 IN SRV 0 0 389 web.example.com.
"""
ZONE_EMPTY = """@ 60 IN SOA ns.example.net. root.example.net. 1 60 60 60 60
@ 60 IN NS ns.example.net.
"""
