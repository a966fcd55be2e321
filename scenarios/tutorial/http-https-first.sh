#!/bin/sh
# HTTP and HTTPS before rules that are already there: -I puts a rule first, or where the number says.
sudo iptables -A INPUT -p tcp -j DROP
sudo iptables -I INPUT -p tcp -m multiport --dports 80,443 -m conntrack --ctstate NEW,ESTABLISHED -j ACCEPT
sudo iptables -I INPUT 1 -i lo -j ACCEPT
sudo iptables -I OUTPUT 1 -p tcp -m multiport --sports 80,443 -m conntrack --ctstate ESTABLISHED -j ACCEPT
