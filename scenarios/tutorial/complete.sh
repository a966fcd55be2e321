#!/bin/sh
# The tutorial's pieces as one firewall, as people put them together. Set the variables first.
IPT=/sbin/iptables
OFFICE=203.0.113.0/24

sudo $IPT -F
sudo $IPT -A INPUT -i lo -j ACCEPT
sudo $IPT -A OUTPUT -o lo -j ACCEPT
sudo $IPT -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
sudo $IPT -A OUTPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
sudo $IPT -A INPUT -m conntrack --ctstate INVALID -j DROP
sudo $IPT -A INPUT -s 203.0.113.51 -j DROP
sudo $IPT -A INPUT -p tcp -s "$OFFICE" --dport 22 \
  -m conntrack --ctstate NEW,ESTABLISHED -j ACCEPT
sudo $IPT -I INPUT 1 -p tcp -m multiport --dports 80,443 \
  -m conntrack --ctstate NEW,ESTABLISHED -j ACCEPT
sudo $IPT -A OUTPUT -p tcp --dport 25 -j REJECT
sudo $IPT -A INPUT -j REJECT
sudo $IPT -P INPUT DROP
sudo $IPT -P FORWARD DROP
